"""The reasons for which a refresh rejects a row or gives up a value: each code with a sentence.

They are counted in the manifest, and noted row by row in the files of `rejects/`.
"""

from collections.abc import Mapping
from typing import Final

FUTURE_DATE: Final = "future_date"
DUPLICATE_KEY: Final = "duplicate_key"
OHL_INCONSISTENT: Final = "ohl_inconsistent"
OHL_MISSING: Final = "ohl_missing"

REJECTS: Final[Mapping[str, str]] = {
    "null_key": "it has no ticker, index, currency or date",
    "bad_date": "a date is not written `YYYY-MM-DD`",
    "time_in_date": "a date has a time of day other than midnight, in place of `YYYY-MM-DD`",
    "number_in_date": "a date is a number, such as seconds since 1970, in place of `YYYY-MM-DD`",
    "date_out_of_range": "a date is before 1900-01-01 or after 2100-12-31",
    FUTURE_DATE: "a price or rate is of a day after tomorrow",
    "no_date": "a row of `fundamentals` has neither of its dates",
    "fiscal_year_not_over": "a fiscal year ends after the row was fetched, as in an estimate",
    "close_missing": "the close is null",
    "close_not_finite": "the close is infinite",
    "close_not_positive": "the close is not above zero",
    "number_missing": "the ratio of a split, the amount of a dividend or a rate is null",
    "number_not_finite": "such a ratio, amount or rate is infinite",
    "number_not_positive": "such a ratio, amount or rate is not above zero",
    "id_out_of_range": "the id of a row of fundamentals is negative or too large",
    "text_in_number": "there is text or a blob where a number should be, and no integer of 8 bytes",
    "blob_in_text": "there is a blob where text should be",
    "bad_text": "a text is not Unicode",
    DUPLICATE_KEY: "another row has the same key, and stays",
}
"""The reasons for which a row is left out."""

WARNINGS: Final[Mapping[str, str]] = {
    OHL_INCONSISTENT: "open, high, low: one is missing, no number or not positive; or low > high",
    OHL_MISSING: "nothing: the row came without open, high and low",
    "volume_out_of_range": "a volume that is no number, negative, not whole, or 2³² or more",
    "f_score_out_of_range": "a vendor's F-score that is not 0 to 9",
    "not_finite": "a number that is NaN or infinite",
    "bad_time": "`last_validated` or `last_updated` of a stock",
    "is_active_out_of_range": "an `is_active` that is none of 0, 1, true and false",
    "unusable_value": "a value of another kind in a column that no ranking needs",
}
"""The reasons for which a row stays without a value; each sentence names what became null."""
