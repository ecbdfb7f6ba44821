# One function of Stepbase as a resident process: FUNCTION is api or worker.
#   docker build --file deploy/functions.Dockerfile --build-arg FUNCTION=worker --tag stepbase-worker .

FROM denoland/deno:debian-2.9.6 AS build
ARG FUNCTION
WORKDIR /app
ENV DENO_DIR=/app/.deno
COPY deploy/healthcheck.ts healthcheck.ts
COPY functions/_shared functions/_shared
COPY functions/${FUNCTION} functions/main
# The API verifies webhooks by the code of the SDK.
COPY sdk/src/serve/standard-webhooks.ts sdk/src/serve/standard-webhooks.ts
# Every module, also those that only a thread imports: the process starts without a network.
RUN find functions/main -name '*.ts' -exec deno cache --quiet --no-lock --node-modules-dir=none --config functions/main/deno.json {} +

FROM denoland/deno:distroless-2.9.6
ARG FUNCTION
WORKDIR /app
ENV DENO_DIR=/app/.deno \
    DENO_NO_UPDATE_CHECK=1 \
    NO_COLOR=1 \
    STEPBASE_FUNCTION=stepbase-${FUNCTION} \
    STEPBASE_WORKER_MODE=resident \
    STEPBASE_HOST=0.0.0.0 \
    PORT=8000
COPY --from=build /app /app
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["deno", "run", "--no-prompt", "--allow-net", "--allow-env", "healthcheck.ts"]
ENTRYPOINT ["deno"]
CMD ["run", "--no-prompt", "--v8-flags=--max-semi-space-size=8", "--cached-only", "--no-lock", "--node-modules-dir=none", "--unstable-no-legacy-abort", "--config=functions/main/deno.json", "--allow-net", "--allow-env", "--allow-sys", "--allow-read", "functions/main/index.ts"]
