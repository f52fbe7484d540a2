# syntax=docker/dockerfile:1
# One image for every service; which one runs is the command: apps/<service>/dist/main.js.
# The first stage is `npm run image`, which does the same without Docker.

ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD_IMAGE} AS assemble
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.npm npm run image -- --out /image --check

# No shell, no package manager, no way to write: what is not here can't be used against it.
FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Keyward" \
      org.opencontainers.image.description="Where AI agents' OAuth tokens live, and through which every tool call goes." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=assemble --chown=0:0 /image /app
# glibc's arenas (mallopt(3)): few threads allocate, and eight per core keep megabytes that nothing is in.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    KEYWARD_CONNECTORS_DIR=/app/connectors \
    PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
USER 65532:65532
EXPOSE 8080 9100
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["apps/gateway/dist/main.js"]
