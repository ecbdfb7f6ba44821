# The web client as static files on Caddy. The address and the key of the project are set at start: one image serves
# every environment.
#   docker build --file deploy/web.Dockerfile --tag stepbase-web .

FROM node:26.10.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.base.json tsconfig.web.json ./
COPY types types
COPY functions/_shared/text functions/_shared/text
COPY sdk/src sdk/src
COPY web web
# The build renders them for the help links.
COPY docs docs
RUN node_modules/.bin/vite build web --emptyOutDir --logLevel warn

FROM caddy:2.10.2-alpine
WORKDIR /app
ENV PORT=8080 \
    XDG_CONFIG_HOME=/tmp \
    XDG_DATA_HOME=/tmp
COPY --from=build /app/web/dist dist
COPY deploy/web/Caddyfile deploy/web/start.sh ./
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["wget", "--quiet", "--spider", "http://127.0.0.1:8080/healthz"]
CMD ["sh", "start.sh"]
