# One image for every role: the compose service names the role.
FROM python:3.11-slim
# bubblewrap: the grader's sandbox for code. It needs a container that may make user namespaces;
# where it may not, code isn't graded, and never run outside a sandbox.
RUN apt-get update && apt-get install -y --no-install-recommends bubblewrap \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml constraints.txt README.md ./
COPY schemas schemas
COPY streams streams
COPY agents agents
RUN pip install --no-cache-dir -c constraints.txt . && useradd --system zeta \
    && install -d -o zeta -g zeta /var/lib/zeta/archive
COPY zeta.toml ./
USER zeta
ENV ZETA_CONFIG=/app/zeta.toml PYTHONUNBUFFERED=1
ENTRYPOINT ["zeta"]
CMD ["--help"]
