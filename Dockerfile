# Two stages: the libraries are installed where pip is, and run where it is not.
FROM python:3.13-slim AS build
ARG LOCK=deploy/requirements.lock
WORKDIR /build
COPY ${LOCK} requirements.lock
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        -r requirements.lock \
    && /opt/venv/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /srv/stockrank --shell /usr/sbin/nologin stockrank \
    && install -d -o stockrank -g stockrank /srv/lake /srv/source /srv/out
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/stockrank
COPY app/ app/
COPY pipelines/ pipelines/
COPY docs/methodology.md docs/
RUN /opt/venv/bin/python -m compileall -q app pipelines

# Memory that is freed goes back to the system soon: jemalloc's for Polars, glibc's for the rest.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    ARROW_DEFAULT_MEMORY_POOL=system \
    _RJEM_MALLOC_CONF=dirty_decay_ms:1000,muzzy_decay_ms:1000 \
    STOCKRANK_HOST=0.0.0.0 \
    STOCKRANK_PORT=8000 \
    STOCKRANK_SOURCE=/srv/source/app.db \
    STOCKRANK_LAKE=/srv/lake
USER 10001
EXPOSE 8000
VOLUME /srv/lake
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/v1/health/live', timeout=4)"]
CMD ["python", "-m", "app", "--log-format", "json"]
