"""A client made with grpcio: prints each message that it receives in hexadecimal digits, a line each.

client.py get|version TARGET [CA CERT KEY]
client.py sub TARGET COUNT [CA CERT KEY]
"""

import sys

import grpc

method, target, *rest = sys.argv[1:]
count = int(rest.pop(0)) if method == "sub" else None
if rest:
    ca, cert, key = (open(path, "rb").read() for path in rest)
    channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert))
else:
    channel = grpc.insecure_channel(target)
# Requests are empty messages: no bytes.
if method == "version":
    messages = [channel.unary_unary("/falco.version.service/version")(b"", timeout=60)]
elif method == "get":
    messages = channel.unary_stream("/falco.outputs.service/get")(b"", timeout=60)
else:
    messages = channel.stream_stream("/falco.outputs.service/sub")(iter([b""]), timeout=60)
    messages.initial_metadata()
    print("subscribed", flush=True)
for number, message in enumerate(messages, 1):
    print(message.hex(), flush=True)
    if number == count:
        messages.cancel()
        break
