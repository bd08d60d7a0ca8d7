# The static binary and the roots of certificate authorities, nothing else: no shell, no package, no user but nobody.
#   docker build -t palisade . && docker run --rm -v "$PWD:/repo" -w /repo palisade validate
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev gcc make cmake perl ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY docs docs
COPY .github .github
COPY action.yml ./
COPY benches benches
COPY examples examples
RUN cargo build --locked --release --bin palisade

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/palisade /palisade
USER 65534:65534
ENTRYPOINT ["/palisade"]
