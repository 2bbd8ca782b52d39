# Translates with exported runs: no TensorFlow, no root. docs/install.md says how to build and run it.
FROM debian:trixie-slim AS python
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*

FROM python AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip python3-venv
COPY . /source
# Tests that packages bring with them are 17 MB that nobody runs here.
RUN python3 -m venv --without-pip /opt/nmt \
    && pip --python /opt/nmt/bin/python install --no-cache-dir --no-compile \
        -c /source/constraints.txt /source \
    && find /opt/nmt -type d -name tests -prune -exec rm -rf {} +

FROM python
COPY --from=build /opt/nmt /opt/nmt
ENV PATH=/opt/nmt/bin:$PATH PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home nmt
USER nmt
WORKDIR /home/nmt
ENTRYPOINT ["nmt"]
