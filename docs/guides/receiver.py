import base64, hashlib, hmac, json, pathlib, time
from http.server import BaseHTTPRequestHandler, HTTPServer

secret = pathlib.Path(".pilotage/webhook-signing-secret").read_text().strip()
key = base64.b64decode(secret.removeprefix("whsec_"))
seen = set()  # in earnest: a table with a unique key, written in one transaction with the effect


def is_genuine(headers, body):
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    sent = headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(f"v1,{expected}", one) for one in sent)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_genuine(self.headers, body):
            status = 401
        elif self.headers["webhook-id"] in seen:
            status = 200  # done already: say so, and do nothing
        else:
            seen.add(self.headers["webhook-id"])
            print(json.loads(body), flush=True)
            status = 200
        self.send_response(status)
        self.end_headers()


HTTPServer(("127.0.0.1", 9000), Receiver).serve_forever()
