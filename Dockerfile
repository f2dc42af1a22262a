# Everything of Flyball in one image: `flyball engine`, `flyball adapter …` and the rest of its commands. See compose.yaml.
FROM node:20.19.5-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY scripts/prepare.js scripts/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY connectors connectors
RUN npm run build

FROM node:20.19.5-bookworm-slim AS packages
WORKDIR /packages
COPY package.json package-lock.json .npmrc ./
# The optional packages are Postgres' own programs, 100 MB: here it is a container of its own.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:20.19.5-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/flyball
COPY package.json LICENSE ./
COPY bin bin
COPY migrations migrations
COPY rules rules
COPY scripts/compose/init.sh scripts/compose/
COPY --from=packages /packages/node_modules node_modules
COPY --from=build /build/dist dist
# Volumes take their owner and mode from the folders on which they are mounted first.
RUN ln -s /opt/flyball/bin/flyball.js /usr/local/bin/flyball \
  && install -d -o 1000 -g 1000 -m 0700 /var/lib/flyball /keys /parts /parts/root /parts/engine /parts/nats /parts/postgres \
    /parts/shop-gateway /parts/shop-checkout /parts/shop-payments /parts/shop-catalog
# Its number, so that whoever runs it can see that it is not root.
USER 1000:1000
ENV FLYBALL_HOME=/var/lib/flyball
ENTRYPOINT ["flyball"]
CMD ["--help"]
