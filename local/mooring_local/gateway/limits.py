"""The limits of API Gateway WebSocket APIs, none of which can be raised.

Quotas: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

FRAME_BYTES = 32 * 1024  # quotas: WebSocket frame size; a larger frame closes the connection with 1009
MESSAGE_BYTES = 128 * 1024  # quotas: message payload size, of one or several frames; 1009 as well
URL_CHARACTERS = 4096  # quotas: WebSocket URL length
IDLE_SECONDS = 10 * 60  # quotas: idle connection timeout
DURATION_SECONDS = 2 * 60 * 60  # quotas: connection duration
INTEGRATION_TIMEOUT_SECONDS = 29  # quotas: integration timeout; not the raisable one of REST APIs

POST_BYTES = 128 * 1024  # API model of PostToConnection: the longest `Data`, else PayloadTooLargeException

# The API model says of LimitExceededException "the WebSocket client side buffer is full" and no size: ours.
CLIENT_BUFFER_BYTES = 1024 * 1024

# Not documented, not measured. The safe guess: whoever relies on pings alone is cut here too.
PING_IS_ACTIVITY = False
