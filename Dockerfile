# callrouter with the lab's configuration; mount your own over /app/config and /app/dialplans.
#   docker build -t callrouter .
#   docker run --network host --stop-timeout 40 -v callrouter:/app/var callrouter
# The stop-timeout must be longer than limits.drain in the configuration, 30 s in the lab's, or docker
# cuts the calls short that SIGTERM lets finish.
FROM python:3.11-slim AS wheel
WORKDIR /src
COPY . .
RUN scripts/build-wheel /wheel

FROM python:3.11-slim
WORKDIR /app
# The packages change less often than the code, so they have a layer of their own.
COPY requirements.lock .
# --no-deps: the lock names every package there is to install, and pip is not to look for newer ones.
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r requirements.lock

COPY --from=wheel /wheel wheel
RUN pip install --no-cache-dir --no-deps --no-index wheel/*.whl && rm -r wheel && pip check

# Prompts in `say:` are spoken by espeak-ng; openssl makes the lab's certificates.
RUN apt-get update && apt-get install --yes --no-install-recommends espeak-ng openssl \
    && rm -rf /var/lib/apt/lists/*

COPY config config
COPY dialplans dialplans
# The lab's passwords are for callrouter alone, which git keeps no modes for.
RUN useradd --system --no-create-home callrouter && install -d -o callrouter var \
    && chown callrouter dialplans/lab-digest.txt dialplans/lab-pin.txt \
    && chmod go= dialplans/lab-digest.txt dialplans/lab-pin.txt
USER callrouter
COPY scripts/lab-certificates scripts/
RUN scripts/lab-certificates
VOLUME /app/var

HEALTHCHECK --interval=10s --timeout=3s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9090/metrics', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["callrouter"]
CMD ["serve", "--config", "config/lab.yaml"]
