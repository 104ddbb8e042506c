# One image for every process of the data plane: `docker run … cubano serve | work | db upgrade | …`.
# The dependencies are those of uv.lock, with their hashes; the build needs a package index and nothing else.

FROM python:3.13.7-slim-bookworm AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_PROGRESS=1
WORKDIR /src
COPY pyproject.toml uv.lock ./
# Dependencies first: they change less often than the code, and this layer stays as it is.
RUN uv export --quiet --frozen --no-emit-project --no-default-groups --extra redis -o service.txt \
 && uv export --quiet --frozen --no-emit-project --no-default-groups --extra local -o local.txt \
 && uv export --quiet --frozen --only-group build -o build.txt \
 && uv venv --quiet /app && uv pip install --quiet --python /app --require-hashes -r service.txt \
 && uv venv --quiet /build && uv pip install --quiet --python /build --require-hashes -r build.txt
COPY README.md LICENSE ./
COPY service ./service
COPY monitoring ./monitoring
COPY runbooks ./runbooks
COPY loadtests ./loadtests
RUN uv build --quiet --wheel --no-build-isolation --python /build --out-dir /wheel \
 && uv pip install --quiet --python /app --no-deps --offline /wheel/*.whl

FROM build AS build-development
RUN uv pip install --quiet --python /app --require-hashes -r local.txt

# What runs on loopback beside the service: the emulator and the mail sink.
FROM python:3.13.7-slim-bookworm AS development
RUN useradd --system --uid 10001 --home-dir /state --create-home cubano
COPY --from=build-development /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
USER cubano
WORKDIR /state

FROM python:3.13.7-slim-bookworm AS service
RUN useradd --system --uid 10001 --home-dir /nonexistent cubano \
 && install -d -o cubano -m 700 /respond && install -d -o cubano /respond-token
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 \
    CUBANO_SERVE_HOST=0.0.0.0 CUBANO_METRICS_HOST=0.0.0.0
USER cubano
EXPOSE 8000 9101 9102 8300 9103
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["cubano", "serve"]
