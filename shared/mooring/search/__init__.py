"""What answers queries: an index over the catalog's servers and their tools (`docs/search.md`).

Only the registry imports it: numpy takes 60 ms of a cold start that the message path has not to spare.
"""

from mooring import settings

settings.one_blas_thread()
