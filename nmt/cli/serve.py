"""`nmt serve`: translators behind HTTP, as LibreTranslate, Apertium and tmserver are asked."""

import argparse
import ipaddress
import logging
from pathlib import Path

from nmt.cli.arguments import add_engine, add_glossary, add_memory, number, positive
from nmt.errors import UserError

log = logging.getLogger(__name__)

HELP = "serve translators over HTTP (LibreTranslate's interface, Apertium's and tmserver's)"
EXAMPLE = "nmt serve runs/default"
NEEDS = ("starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
MIB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="+", help="run folders, or ensembles: RUN1,RUN2,...")
    parser.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    port = number(int, lambda value: 0 <= value < 2**16, "port, from 0 to 65535")
    parser.add_argument("--port", type=port, default=5000, help="port (default: 5000)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name that clients call this server by, behind a proxy; may be repeated",
    )
    parser.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="origin whose pages may use this server, * for all; may be repeated",
    )
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--api-key", metavar="KEY", help="key that clients must send")
    keys.add_argument("--api-keys", metavar="FILE", help="file of such keys, one on a line")
    parser.add_argument(
        "--suggestions",
        action="store_true",
        help="take corrections of users, into RUN/corrections.SOURCE-TARGET.tsv",
    )
    add_glossary(parser)
    add_memory(parser, "; the page shows matches")
    parser.add_argument("--metrics", action="store_true", help="figures for Prometheus: /metrics")
    for name, default, what in (
        ("char-limit", 100_000, "characters of a request"),
        ("batch-limit", 1_000, "texts of a request"),
        ("body-limit", 1, "MiB of a request"),
        ("file-limit", 16, "MiB of a file"),
        ("queue", 10_000, "lines that may wait; beyond that the answer is 503"),
    ):
        parser.add_argument(
            f"--{name}",
            type=positive,
            default=default,
            metavar="N",
            help=f"{what} (default: {default})",
        )
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Serves until it is stopped."""
    from nmt.machine import cores
    from nmt.serving.application import application
    from nmt.serving.batching import Batcher
    from nmt.serving.runs import Runs
    from nmt.serving.server import bind, serve
    from nmt.serving.service import Limits, Service

    # 1. What can go wrong goes wrong first.
    keys = _keys(args)
    listening = bind(args.host, args.port)
    with listening:
        runs = Runs(args.run, args.engine, args.glossary, args.memory)
        # 2. The service.
        metrics = _metrics() if args.metrics else None
        observed = {"on_batch": metrics.on_batch} if metrics else {}
        batcher = Batcher(args.threads or cores(), args.queue, **observed)
        if metrics:
            metrics.watch(lambda: batcher.waiting)
        limits = Limits(
            args.char_limit, args.batch_limit, args.body_limit * MIB, args.file_limit * MIB
        )
        service = Service(runs, batcher, limits, keys, args.suggestions, metrics)
        # 3. Requests, until the end.
        pairs = ", ".join(f"{each.source}-{each.target}" for each in runs.directions)
        host = f"[{args.host}]" if ":" in args.host else args.host
        message = f"serving {pairs}: http://{host}:{listening.getsockname()[1]}/"
        app = application(service, _hosts(args), args.cors, lambda: log.info(message))
        serve(app, listening)


def _metrics():
    # Imported here, as every start of a server would pay for it.
    from nmt.serving.metrics import Metrics

    return Metrics()


def _keys(args):
    """The keys that clients may have; UserError for a file without any."""
    if args.api_key is not None:
        if not args.api_key:
            raise UserError("--api-key: an empty key is none")
        return [args.api_key]
    if args.api_keys is None:
        return []
    from nmt import files

    keys = [line.strip() for line in files.lines(Path(args.api_keys)) if line.strip()]
    if not keys:
        raise UserError(f"{args.api_keys}: has no key; write one on each line")
    return keys


def _hosts(args):
    """The names that requests may be sent to: local ones only, where it listens to these only.

    Otherwise a page could reach it under a name of its own (DNS rebinding).
    """
    return [*LOCAL_NAMES, *args.allow_host] if _is_local(args.host) or args.allow_host else ["*"]


def _is_local(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
