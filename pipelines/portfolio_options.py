"""The options of commands that hold the first stocks of a ranking, and pay for trades."""

from typing import Annotated

from typer import Option

Size = Annotated[int | None, Option(help="Stocks to hold; default the strategy's.")]
BuyRank = Annotated[int | None, Option(help="Last rank to buy; default the strategy's.")]
SellRank = Annotated[int | None, Option(help="Last rank to keep; default the strategy's.")]
CostBps = Annotated[float, Option(help="Cost of a trade, in basis points.")]
MinFee = Annotated[float, Option(help="Least cost of a trade.")]
