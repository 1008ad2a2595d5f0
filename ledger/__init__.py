"""Double entry; knows nothing of products or people.

Python's Decimal has 28 digits by default and rounds even `-x` to them; amounts have 38,
and a day's exact interest more. 80 digits, for this thread and for those to come.
"""

import decimal

decimal.DefaultContext.prec = 80
decimal.getcontext().prec = 80
