"""`make bench`: Mooring and its peers under the same MCP traffic (`docs/benchmarks.md`)."""
