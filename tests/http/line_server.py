"""A line to a server that has said all it will ever say, in pieces as the network might cut it."""

import asyncio
import itertools


class Line(asyncio.Transport):
    """A transport whose other side has said all it will ever say, in given pieces."""

    def __init__(self, connection, pieces):
        super().__init__()
        self.connection = connection
        self.pieces = list(pieces)
        self.closed = False
        self.paused = False
        self.finished = False
        connection.connection_made(self)

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def get_extra_info(self, name, default=None):
        return default

    def write(self, data):
        asyncio.get_running_loop().call_soon(self.deliver)

    def deliver(self):
        if self.closed or self.paused or self.finished:
            return
        if self.pieces:
            self.deliver_piece(self.pieces.pop(0))
            asyncio.get_running_loop().call_soon(self.deliver)
        else:
            self.finished = True
            self.connection.eof_received()
            self.abort()

    def deliver_piece(self, piece):
        while piece and not self.closed:
            if self.paused:
                self.pieces.insert(0, piece)
                return
            view = self.connection.get_buffer(-1)
            assert len(view)
            count = min(len(view), len(piece))
            view[:count] = piece[:count]
            piece = piece[count:]
            self.connection.buffer_updated(count)

    def pause_reading(self):
        assert not self.paused
        self.paused = True

    def resume_reading(self):
        assert self.paused
        self.paused = False
        asyncio.get_running_loop().call_soon(self.deliver)

    def is_closing(self):
        return self.closed

    def abort(self):
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)


def cut(data, points):
    bounds = sorted({0, len(data), *(point % (len(data) + 1) for point in points)})
    return [data[start:stop] for start, stop in itertools.pairwise(bounds)]
