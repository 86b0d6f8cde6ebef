# acinus in a container: by default the demo, then the viewer over what it made.
#
#   docker build -t acinus --build-arg ACINUS_COMMIT=$(git rev-parse --short=12 HEAD) .
#   docker run --rm -p 127.0.0.1:8000:8000 acinus
#
# The viewer prints a link with a token; open that. Your own images, with the results kept outside:
#
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" acinus acinus segment tiles --model model --out results
#   docker run --rm -v "$PWD:/work" -p 127.0.0.1:8000:8000 acinus \
#       acinus view results --host 0.0.0.0 --port 8000 --no-browser
#
# Where browsers reach it under another name or port, say so: -e ACINUS_PUBLIC_ADDRESS=labserver:9000
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /source
# The viewer's script comes through npm of a Python package that the build asks for: no node is installed.
COPY constraints.txt ./
RUN python -m pip install --no-cache-dir -c constraints.txt build
COPY pyproject.toml MANIFEST.in README.md CHANGELOG.md ./
COPY build_backend build_backend
COPY src src
ARG ACINUS_COMMIT=""
RUN ACINUS_COMMIT="${ACINUS_COMMIT}" python -m build --wheel --outdir /wheel .

FROM python:${PYTHON}-slim
# Where PyTorch comes from; its index of builds for processors alone makes the image several GB smaller:
#   --build-arg TORCH_OPTIONS="--index-url …/whl/cpu" (the address is on PyTorch's page of installation)
ARG TORCH_OPTIONS=""
COPY constraints.txt /tmp/
# hadolint ignore=SC2086
RUN python -m pip install --no-cache-dir -c /tmp/constraints.txt ${TORCH_OPTIONS} torch
COPY --from=build /wheel /tmp/wheel
RUN python -m pip install --no-cache-dir -c /tmp/constraints.txt /tmp/wheel/*.whl \
    && rm -r /tmp/wheel /tmp/constraints.txt \
    && useradd --create-home --uid 1000 acinus \
    && install --directory --owner=acinus /work
ENV PYTHONUNBUFFERED=1 \
    ACINUS_PUBLIC_ADDRESS=localhost:8000
USER acinus
WORKDIR /work
EXPOSE 8000
CMD ["sh", "-c", "acinus demo --out demo-output && exec acinus view demo-output --host 0.0.0.0 --port 8000 --no-browser"]
