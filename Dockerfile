# syntax=docker/dockerfile:1

# fullsync is one static binary: no C compiler is needed to build it and no library to run it.
FROM --platform=$BUILDPLATFORM golang:1.26.10-bookworm AS build
WORKDIR /src

# Dependencies first, so that a change of the code does not fetch them again. go.mod replaces one module by the
# (empty) one in internal/store/nocgo, so that has to be there too.
COPY go.mod go.sum ./
COPY internal/store/nocgo internal/store/nocgo
RUN go mod download

COPY . .
ARG TARGETOS TARGETARCH VERSION=""
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w -X fullsync/internal/app.version=$VERSION" -o /out/fullsync ./cmd/fullsync \
    && mkdir /out/data

# Certificates of public authorities, time zones, /tmp and a user without rights; no shell, no package manager.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/fullsync /usr/local/bin/fullsync
# Owned by that user, so that a volume put here can be written.
COPY --from=build --chown=65532:65532 /out/data /var/lib/fullsync

ENV FULLSYNC_LISTEN=:8080 \
    FULLSYNC_DATA_DIR=/var/lib/fullsync
VOLUME /var/lib/fullsync
EXPOSE 8080

# A number, so that an orchestrator can see that it is not root.
USER 65532:65532
# No HEALTHCHECK: it would have to run a program inside, and there is none but fullsync. Ask /healthz (the process
# lives) and /readyz (the database and the jobs answer) from outside, as load balancers and orchestrators do.
ENTRYPOINT ["/usr/local/bin/fullsync"]
CMD ["serve"]
