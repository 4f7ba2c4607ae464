"""The one logger. Its messages are constants; what varies goes into keyword arguments.

Never a credential, a configuration value or the params of a message: ids, sizes, codes, durations.
"""

from aws_lambda_powertools import Logger

from mooring.metrics import Metrics
from mooring.settings import Settings

logger = Logger(service="mooring", level="INFO", log_uncaught_exceptions=False)
metrics = Metrics()


def configure(settings: Settings) -> None:
    """Log from the level that is set, and write figures if that is set."""
    logger.setLevel(settings.log_level)
    metrics.stack, metrics.is_on = settings.stack, settings.metrics


def about(**ids: str) -> None:
    """Put `ids` on each line that this thread logs from now on, in the place of those before.

    A function that stays warm keeps what it was told: each event begins with this.
    """
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(**ids)


def also(**ids: str) -> None:
    """Put `ids` on the lines too, beside those that `about` was given."""
    logger.thread_safe_append_keys(**ids)
