#!/usr/bin/python3 -B
"""A plugin of claimsmith: who an account of a Unix system is.

This file is what plugins/PROTOCOL.md asks of any plugin; what this one knows is in accounts.py.
"""

import json
import os
import signal
import sys
import threading
from concurrent import futures

os.environ["GRPC_VERBOSITY"] = "NONE"  # what the library prints is no log record

import grpc  # noqa: E402

import accounts  # noqa: E402
import schema  # noqa: E402
from claimsmith.plugin.v1 import lookup_pb2 as pb  # noqa: E402

MAX_MESSAGE = 4 << 20


def log(level, message, **attributes):
    """Writes a log record. Values of questions and answers do not belong into it."""
    line = json.dumps({"@level": level, "@message": message, **attributes})
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Service:
    """LookupService: JSON in, JSON out."""

    def __init__(self):
        self.directory = None  # not configured

    def describe(self, _request):
        return pb.DescribeResponse(
            name=accounts.NAME,
            version=accounts.VERSION,
            config_schema=schema.encode(accounts.CONFIG),
            params_schema=schema.encode(accounts.PARAMS),
            facts_schema=schema.encode(accounts.FACTS),
        )

    def configure(self, request):
        try:
            config = schema.decode(request.config or b"{}")
        except ValueError as err:
            return pb.ConfigureResponse(problems=[pb.Problem(message=str(err))])
        problems = schema.problems(accounts.CONFIG, config)
        directory = None
        if not problems:
            directory = accounts.Directory(config)
            problems = directory.problems()
        if not problems and not request.check_only:
            self.directory = directory
            log("info", "accounts opened", accounts=directory.count())
        return pb.ConfigureResponse(
            problems=[pb.Problem(path=path, message=message, hint=hint) for path, message, hint in problems]
        )

    def lookup(self, request):
        directory = self.directory
        if directory is None:
            raise Status(grpc.StatusCode.FAILED_PRECONDITION, "not configured")
        try:
            params = schema.decode(request.params)
        except ValueError as err:
            raise Status(grpc.StatusCode.INVALID_ARGUMENT, str(err)) from None
        wrong = schema.problems(accounts.PARAMS, params)
        if wrong:
            # Without path: a name that is not in the schema comes from the question.
            raise Status(grpc.StatusCode.INVALID_ARGUMENT, "the question does not fit the schema")
        try:
            problem, facts = directory.lookup(params["name"])
        except OSError as err:
            raise Status(grpc.StatusCode.UNAVAILABLE, f"{err.filename}: {err.strerror}") from None
        return pb.LookupResponse(found=not problem, problem=problem, facts=schema.encode(facts) if facts else b"")


class Status(Exception):
    """What is answered instead of an answer. Its text is logged by the host."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def handler(method, request_type=None):
    """Makes a gRPC handler of a method. With no request type both messages are bytes."""

    def call(request, context):
        try:
            return method(request)
        except Status as err:
            code, text = err.code, str(err)
        except Exception as err:  # its text may hold anything
            code, text = grpc.StatusCode.INTERNAL, type(err).__name__
            log("error", "a call went wrong", exception=text, line=err.__traceback__.tb_next.tb_lineno)
        context.set_code(code)
        context.set_details(text)
        return b"" if request_type is None else pb.LookupResponse()

    if request_type is None:
        return grpc.unary_unary_rpc_method_handler(call)
    return grpc.unary_unary_rpc_method_handler(
        call, request_deserializer=request_type.FromString, response_serializer=lambda m: m.SerializeToString()
    )


def health(request):
    """Check: the field service = 1 must name plugin; the answer is status = SERVING."""
    if request != b"\x0a\x06plugin":
        raise Status(grpc.StatusCode.NOT_FOUND, "unknown service")
    return b"\x08\x01"


def main():
    if os.environ.get("CLAIMSMITH_PLUGIN") != "claimsmith.plugin.v1":
        print(f"{accounts.NAME} is a plugin of claimsmith: declare it under plugins: in claimsmith.yaml", file=sys.stderr)
        return 2
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the host ends its plugins

    end = threading.Event()

    def shutdown(_request):
        end.set()
        return b""

    service = Service()
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=16),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "claimsmith.plugin.v1.LookupService",
                {
                    "Describe": handler(service.describe, pb.DescribeRequest),
                    "Configure": handler(service.configure, pb.ConfigureRequest),
                    "Lookup": handler(service.lookup, pb.LookupRequest),
                },
            ),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler(health)}),
            grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": handler(shutdown)}),
        )
    )
    socket = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "accounts.sock")
    server.add_insecure_port("unix:" + socket)
    server.start()
    print(f"1|1|unix|{socket}|grpc|", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing else belongs there

    end.wait()
    server.stop(grace=1).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
