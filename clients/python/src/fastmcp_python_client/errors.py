"""What can go wrong; each class is something else that a caller can do about it."""

from typing import Any


class FastMCPError(Exception):
    """The base of all errors of this client."""


class NotConnectedError(FastMCPError):
    """`connect` was not called, or `disconnect` was."""


class ConnectFailedError(FastMCPError):
    """No connection could be made. Nothing was called."""

    def __init__(self, message: str, *, may_pass: bool = True) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        """Whether trying again later can help: not for a refused token or a wrong address."""


class ConnectionLostError(FastMCPError):
    """The connection ended while the call was under way.

    The tool may have run or not. The call is not repeated: look at the state first if the tool changes something.
    """


class CallTimeoutError(FastMCPError, TimeoutError):
    """No answer came in time. The server was asked to cancel the call, which it may have finished nevertheless."""


class ServerError(FastMCPError):
    """The server refused the request with an error of JSON-RPC."""

    def __init__(self, message: str, code: int, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        """Such as -32601."""
        self.data = data
        """What the server says beside it."""


class ToolError(FastMCPError):
    """The tool ran and says that it failed; the text is the tool's own."""

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result = result
        """The whole result of `tools/call`, where there is one."""


class ValidationError(ToolError):
    """The arguments are not what the tool takes, for example "name is required". Nothing was done."""

    def __init__(self, message: str, field: str | None = None, result: dict[str, Any] | None = None) -> None:
        super().__init__(message, result)
        self.field = field
        """The argument in question, where the server names one."""
