FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY cio_mcp cio_mcp
COPY prompts prompts
RUN python -m venv /opt/cio-mcp && /opt/cio-mcp/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.13-slim
# The MCP SDK trusts the system's certificates: install their newest version.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10001 cio-mcp \
    && install --directory --owner=cio-mcp --mode=0700 /data
COPY --from=build /opt/cio-mcp /opt/cio-mcp
ENV PATH="/opt/cio-mcp/bin:$PATH" CIO_DATA_DIR=/data
USER cio-mcp
VOLUME /data
ENTRYPOINT ["cio-mcp"]
