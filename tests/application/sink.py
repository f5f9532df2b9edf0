"""A collector of traces that writes the names of the spans it gets, a line each, into a file: `sink.py PORT FILE [CERTIFICATE KEY]`."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service


class Sink(service.TraceServiceServicer):
    """Takes every span."""

    def Export(self, request, context):  # noqa: N802 - the name is the protocol's
        with Path(sys.argv[2]).open("a", encoding="utf-8") as file:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    file.writelines(f"{span.name}\n" for span in scope.spans)
        return messages.ExportTraceServiceResponse()


server = grpc.server(ThreadPoolExecutor(2))
service.add_TraceServiceServicer_to_server(Sink(), server)
address = f"127.0.0.1:{sys.argv[1]}"
if sys.argv[3:]:
    certificate, key = (Path(name).read_bytes() for name in sys.argv[3:5])
    server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
else:
    server.add_insecure_port(address)
server.start()
server.wait_for_termination()
