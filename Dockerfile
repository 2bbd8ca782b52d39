# Translates with exported runs: no TensorFlow, no root. docs/install.md says how to build and use it.
FROM debian:trixie-slim AS python
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*

FROM python AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip python3-venv
COPY . /source
RUN python3 -m venv --without-pip /opt/nmt \
    && pip --python /opt/nmt/bin/python install --no-cache-dir --no-compile \
        -c /source/constraints.txt /source
# Packages bring tests, and ONNX Runtime a library for programs in C: 42 MB that nothing here loads.
RUN find /opt/nmt -type d -name tests -prune -exec rm -r {} + \
    && find /opt/nmt -name 'libonnxruntime.so.*' -delete \
    && /opt/nmt/bin/python -m compileall -q /opt/nmt

FROM python
COPY --from=build /opt/nmt /opt/nmt
ENV PATH=/opt/nmt/bin:$PATH
RUN useradd --create-home nmt
USER nmt
WORKDIR /home/nmt
ENTRYPOINT ["nmt"]
