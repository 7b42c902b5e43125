# syntax=docker/dockerfile:1.7
# `npm run image` makes build/image/<arch>; this only copies it. For arm64 on another machine: `npm run image -- --arch arm64`.
#   npm run image && docker build -t helmwarden:0.1.0 .
# With where and when it was made: --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(date -u +%FT%TZ) --build-arg SOURCE=https://…

# Pin it by digest where you build: --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM scratch AS content
ARG TARGETARCH=amd64
COPY build/image/${TARGETARCH}/ /
COPY build/image/sbom.cdx.json /opt/helmwarden/sbom.cdx.json

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="helmwarden" \
      org.opencontainers.image.description="Keeps the secrets inside Helm releases in step with Vault and Infisical" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=content --chown=0:0 / /
COPY --from=content --chown=65532:65532 /var/lib/helmwarden /var/lib/helmwarden
ENV NODE_ENV=production \
    HELMWARDEN_CACHE_DIR=/tmp
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
VOLUME /var/lib/helmwarden
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=20s --timeout=5s --start-period=30s --retries=6 \
  CMD ["/usr/local/bin/node", "-e", "fetch('http://127.0.0.1:8080/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/local/bin/node", "/opt/helmwarden/main.js"]
CMD ["run", "--config", "/etc/helmwarden/config"]
