# Built with `docker build -t goldcrest .` (BuildKit, the default of Docker since 23.0); run as in docker-compose.yml.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
# The caches hold crates and objects between builds; the program leaves them, since they are no part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package goldcrest \
    && cp target/release/goldcrest /usr/local/bin/goldcrest \
    && mkdir /data

# The same Debian as above: glibc, CA certificates, a user without rights; no shell and no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /usr/local/bin/goldcrest /usr/local/bin/goldcrest
# A new named volume takes owner and mode from here. Key files in it are readable for nobody else.
COPY --from=build --chown=65532:65532 --chmod=0700 /data /data
ENV GOLDCREST_LISTEN=0.0.0.0:8080 \
    GOLDCREST_DATA_DIR=/data
# `nonroot` by its number, since Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
VOLUME /data
EXPOSE 8080
# Asks /readyz, so that a server without its database counts as unhealthy.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["goldcrest", "health"]
ENTRYPOINT ["goldcrest"]
CMD ["serve"]
