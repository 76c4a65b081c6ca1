"""Conditions and expressions in SQL over the factors of a stock.

The language is the part of SQL that looks at one row: arithmetic, comparisons, AND, OR, NOT,
BETWEEN, IN, LIKE, IS NULL, CASE, and a few functions. Nothing else can be written, so no condition
can read a file, look at another row or run code.

`pl.sql_expr` cannot take this place: it refuses `f_score * 9 < 5`, for it looks up the types of the
columns and knows of none.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pipelines.definition import unknown
from pipelines.ranking import sql_parts as parts
from pipelines.ranking.sql_parts import COMPARISONS, FUNCTIONS, Kind, Part
from pipelines.ranking.words import NotSql, Word, words

Columns = Mapping[str, Kind]
"""The names that an expression may use, each with the kind of its values."""

DEEPEST: Final = 30
"""How deep parentheses, functions and the like may lie in each other."""
LARGEST: Final = 3_000
"""The steps to compute a condition, as `Part.size` counts them."""
LARGEST_NUMBER: Final = 1e300
KINDS: Final[Mapping[Kind, str]] = {"number": "number", "text": "text", "truth": "condition"}
KEYWORDS: Final = (
    "AND", "OR", "NOT", "IS", "NULL", "BETWEEN", "IN", "LIKE", "CASE", "WHEN", "THEN", "ELSE",
    "END", "TRUE", "FALSE",
)  # fmt: skip
OF_MANY_ROWS: Final = (
    "SELECT", "FROM", "OVER", "WHERE", "EXISTS", "ANY", "ALL", "SUM", "AVG", "COUNT", "MIN", "MAX",
    "RANK", "ROW_NUMBER", "LAG", "LEAD", "MEDIAN", "STDDEV", "UNION", "WITH", "JOIN",
)  # fmt: skip
"""Words of SQL that look at more than one row."""


def condition(text: str, columns: Columns) -> Part:
    """Return the condition in a text; `NotSql` says what is wrong, and where."""
    return _whole(text, columns, "truth", "a condition, such as pe < 10")


def expression(text: str, columns: Columns) -> Part:
    """Return the number in a text; `NotSql` says what is wrong, and where."""
    return _whole(text, columns, "number", "a number, such as return_12m - return_1m")


def _whole(text: str, columns: Columns, kind: Kind, expected: str) -> Part:
    reader = _Reader(text, columns)
    if reader.is_at_end:
        raise NotSql(f"is empty; write {expected}", 1)
    found = reader.whole()
    if found.kind != kind:
        raise NotSql(f"is a {KINDS[found.kind]}; write {expected}", 1)
    return found


class _Reader:
    """Reads the words of an expression from left to right."""

    def __init__(self, text: str, columns: Columns) -> None:
        self._words: Final = words(text)
        self._columns: Final = columns
        self._place = 0
        self._depth = 0

    def whole(self) -> Part:
        """Return all of it."""
        found = self._any_of()
        if not self.is_at_end:
            raise self._unexpected("AND, OR or the end")
        return found

    @property
    def is_at_end(self) -> bool:
        """Return true if no word is left."""
        return self._word.kind == "end"

    @property
    def _word(self) -> Word:
        return self._words[self._place]

    def _next(self) -> Word:
        word = self._word
        self._place += 1
        return word

    def _is(self, *texts: str) -> bool:
        kind, text, _ = self._word
        return (kind == "sign" and text in texts) or (kind == "name" and text.upper() in texts)

    def _took(self, text: str) -> bool:
        if found := self._is(text):
            self._next()
        return found

    def _take(self, text: str) -> None:
        if not self._took(text):
            raise self._unexpected(text)

    def _unexpected(self, expected: str) -> NotSql:
        kind, text, at = self._word
        if kind == "name" and text.upper() in OF_MANY_ROWS:
            return NotSql(f"{text!r} looks at more than one row; use a factor of the stock", at)
        shown = text if kind == "end" else repr(text[:60])
        return NotSql(f"expected {expected}, found {shown}", at)

    def _checked(self, found: Part, word: Word) -> Part:
        """Return a part; refuse one that would take long to compute."""
        if found.size > LARGEST:
            raise NotSql("takes too many steps to compute; write it shorter", word.at)
        return found

    @staticmethod
    def _need(kind: Kind, word: Word, found: Sequence[Part]) -> None:
        """Refuse parts that are of another kind than a word needs."""
        for part in found:
            if part.kind != kind:
                needs = f"{word.text} needs a {KINDS[kind]} here"
                raise NotSql(f"{needs}, not a {KINDS[part.kind]}", word.at)

    def _any_of(self) -> Part:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotSql(f"is nested deeper than {DEEPEST}; write it flatter", self._word.at)
        found = self._all_of()
        while self._is("OR"):
            found = self._joined(found, parts.either, self._all_of)
        self._depth -= 1
        return found

    def _all_of(self) -> Part:
        found = self._negated()
        while self._is("AND"):
            found = self._joined(found, parts.both, self._negated)
        return found

    def _joined(
        self, left: Part, join: Callable[[Part, Part], Part], read: Callable[[], Part]
    ) -> Part:
        word = self._next()
        right = read()
        self._need("truth", word, (left, right))
        return self._checked(join(left, right), word)

    def _negated(self) -> Part:
        word, times = self._word, 0
        while self._took("NOT"):
            times += 1
        found = self._comparison()
        if times:
            self._need("truth", word, (found,))
        return parts.is_not(found) if times % 2 else found

    def _comparison(self) -> Part:
        found = self._sum()
        while self._is(*COMPARISONS, "IS", "NOT", "BETWEEN", "IN", "LIKE"):
            word = self._word
            found = self._checked(self._compared(found), word)
        return found

    def _compared(self, left: Part) -> Part:
        if self._took("IS"):
            is_not = self._took("NOT")
            self._take("NULL")
            found = parts.is_null(left)
            return parts.is_not(found) if is_not else found
        if self._is(*COMPARISONS):
            return self._with_sign(left, self._next())
        is_not = self._took("NOT")
        found = self._within(left)
        return parts.is_not(found) if is_not else found

    def _with_sign(self, left: Part, word: Word) -> Part:
        right = self._sum()
        self._need(left.kind, word, (right,))
        if left.kind == "truth" and word.text not in ("=", "<>", "!="):
            raise NotSql(f"{word.text} compares numbers or texts, not conditions", word.at)
        return parts.compared(word.text, left, right)

    def _within(self, left: Part) -> Part:
        word = self._word
        if self._took("BETWEEN"):
            low = self._sum()
            self._take("AND")
            high = self._sum()
            self._need("number", word, (left, low, high))
            return parts.between(left, low, high)
        if self._took("IN"):
            others = self._list(self._sum)
            self._need(left.kind, word, others)
            return parts.one_of(left, others)
        self._take("LIKE")
        self._need("text", word, (left,))
        if self._word.kind != "text":
            raise self._unexpected("a text, such as 'Bank%'")
        return parts.like(left, self._next().text)

    def _sum(self) -> Part:
        found = self._product()
        while self._is("+", "-"):
            found = self._computed(found, self._product)
        return found

    def _product(self) -> Part:
        found = self._signed()
        while self._is("*", "/"):
            found = self._computed(found, self._signed)
        return found

    def _computed(self, left: Part, read: Callable[[], Part]) -> Part:
        word = self._next()
        right = read()
        self._need("number", word, (left, right))
        return self._checked(parts.computed(word.text, left, right), word)

    def _signed(self) -> Part:
        word, signs = self._word, []
        while self._is("-", "+"):
            signs.append(self._next().text)
        found = self._value()
        if signs:
            self._need("number", word, (found,))
        return parts.negative(found) if signs.count("-") % 2 else found

    def _value(self) -> Part:
        kind, text, at = self._word
        if kind == "name":
            return self._named()
        if self._took("("):
            found = self._any_of()
            self._take(")")
            return found
        if kind not in ("number", "text"):
            raise self._unexpected("a value")
        self._next()
        if kind == "text":
            return parts.text(text)
        if float(text) > LARGEST_NUMBER:
            raise NotSql(f"the number {text[:30]} is too large", at)
        return parts.number(float(text))

    def _named(self) -> Part:
        word = self._word
        name = word.text.upper()
        if name in ("TRUE", "FALSE"):
            self._next()
            return parts.truth(name == "TRUE")
        if name == "CASE":
            return self._case(self._next())
        if name == "NULL":
            raise NotSql("NULL is no value here; write IS NULL, or leave ELSE out", word.at)
        if name not in KEYWORDS and self._words[self._place + 1].text == "(":
            return self._function(word)
        if word.text in self._columns:
            self._next()
            return parts.column(word.text, self._columns[word.text])
        if name in (*KEYWORDS, *OF_MANY_ROWS):
            raise self._unexpected("a value")
        raise NotSql(unknown("column", word.text, self._columns), word.at)

    def _function(self, word: Word) -> Part:
        function = FUNCTIONS.get(word.text.upper())
        if function is None:
            if word.text.upper() in OF_MANY_ROWS:
                raise self._unexpected("a value")
            raise NotSql(unknown("function", word.text.lower(), map(str.lower, FUNCTIONS)), word.at)
        self._next()
        found = self._list(self._any_of)
        if not function.least <= len(found) <= function.most:
            raise NotSql(f"{word.text} takes {function.takes}, not {len(found)}", word.at)
        self._need(function.of, word, found)
        return self._checked(parts.called(function, found), word)

    def _list(self, read: Callable[[], Part]) -> list[Part]:
        """Return values in parentheses, with commas between."""
        self._take("(")
        found = [read()]
        while self._took(","):
            found.append(read())
        self._take(")")
        return found

    def _case(self, word: Word) -> Part:
        cases = []
        while self._took("WHEN"):
            test = self._any_of()
            self._need("truth", word, (test,))
            self._take("THEN")
            cases.append((test, self._any_of()))
        if not cases:
            raise self._unexpected("WHEN")
        last = self._any_of() if self._took("ELSE") else None
        self._take("END")
        values = [value for _, value in cases] + ([last] if last else [])
        self._need(values[0].kind, word, values)
        return self._checked(parts.case(cases, last), word)
