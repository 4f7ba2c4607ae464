"""The one logger. Its messages are constants; what varies goes into keyword arguments.

Never a credential, a configuration value or the params of a message: ids, sizes, codes, durations.
"""

from aws_lambda_powertools import Logger

logger = Logger(service="mooring", level="INFO", log_uncaught_exceptions=False)
