# One image for every role: the service names the role ("run router").
#
#   docker build --tag zeta-router:0.1.0 .

ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS wheels
# What is built in besides: an archive behind s3://, traces. See [project.optional-dependencies].
ARG EXTRAS=s3,tracing
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY schemas schemas
COPY streams streams
COPY agents agents
# Every dependency has a wheel, so there is no compiler here either; the versions are those that
# the tests ran with.
RUN pip wheel --no-cache-dir --only-binary :all: --constraint constraints.txt \
    --wheel-dir /wheels ".[${EXTRAS}]"

FROM ${PYTHON_IMAGE} AS environment
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    python -m venv --without-pip /opt/zeta \
    && pip --python /opt/zeta/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="zeta-router" \
      org.opencontainers.image.description="A Kafka-native router for language and embedding models that learns from every answer" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# bubblewrap: the grader's sandbox for code. Where a container may not make user namespaces, code
# isn't graded, and it is never run outside the sandbox (docs/deployment.md).
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 zeta \
    && useradd --system --uid 10001 --gid zeta --home-dir /var/lib/zeta --shell /usr/sbin/nologin zeta \
    && install --directory --owner zeta --group zeta \
       /var/lib/zeta /var/lib/zeta/archive /var/lib/zeta/index
COPY --from=environment /opt/zeta /opt/zeta
WORKDIR /app
COPY zeta.toml ./
ENV PATH=/opt/zeta/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ZETA_CONFIG=/app/zeta.toml \
    ZETA_HOME=/var/lib/zeta
USER 10001:10001
# What is healthy depends on the role: docker-compose.yml and deploy/kubernetes ask /readyz.
HEALTHCHECK NONE
ENTRYPOINT ["zeta"]
CMD ["--help"]
