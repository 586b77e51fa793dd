import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.local.LocalChannel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * Leads the connections of a unix socket, with or without TLS, to a server inside this process. The Netty of Debian has neither its native
 * library, which listens on such sockets, nor the protocol negotiation of TLS. The JDK has both.
 */
final class UnixSocket {
    private UnixSocket() {}

    /** Listens on path. Without tls, which may be null, connections are in the clear. */
    static void listen(Path path, SSLContext tls, LocalAddress server, EventLoopGroup group) throws IOException {
        ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path));
        background(() -> {
            while (true) {
                Socket peer = new Peer(socket.accept());
                background(() -> {
                    try (peer) {
                        pump(tls == null ? peer : secured(tls, peer), server, group);
                    }
                });
            }
        });
    }

    /** Is who connects with the certificate that tls trusts, over HTTP/2. */
    private static Socket secured(SSLContext tls, Socket peer) throws IOException {
        SSLSocket socket = (SSLSocket) tls.getSocketFactory().createSocket(peer, (InputStream) null, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setNeedClientAuth(true);
        parameters.setApplicationProtocols(new String[] {"h2"});
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private static void pump(Socket peer, LocalAddress server, EventLoopGroup group) throws Exception {
        InputStream in = peer.getInputStream();
        OutputStream out = peer.getOutputStream();
        Channel inside = new Bootstrap().group(group).channel(LocalChannel.class).handler(new SimpleChannelInboundHandler<ByteBuf>() {
            @Override
            protected void channelRead0(ChannelHandlerContext context, ByteBuf bytes) throws IOException {
                bytes.readBytes(out, bytes.readableBytes());
            }

            @Override
            public void channelInactive(ChannelHandlerContext context) throws IOException {
                peer.close();
            }

            @Override
            public void exceptionCaught(ChannelHandlerContext context, Throwable err) {
                context.close(); // the peer has gone
            }
        }).connect(server).sync().channel();
        try {
            byte[] bytes = new byte[16 << 10];
            for (int n; (n = in.read(bytes)) >= 0; ) inside.writeAndFlush(Unpooled.copiedBuffer(bytes, 0, n)).sync();
        } finally {
            inside.close();
        }
    }

    /** A connection as a socket, which is what TLS is put around. Streams of Channels would let a read keep a write waiting. */
    private static final class Peer extends Socket {
        private final SocketChannel channel;

        Peer(SocketChannel channel) {
            this.channel = channel;
        }

        @Override
        public boolean isConnected() {
            return true;
        }

        @Override
        public InputStream getInputStream() {
            return new InputStream() {
                @Override
                public int read() throws IOException {
                    byte[] one = new byte[1];
                    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
                }

                @Override
                public int read(byte[] bytes, int from, int most) throws IOException {
                    return channel.read(ByteBuffer.wrap(bytes, from, most));
                }
            };
        }

        @Override
        public OutputStream getOutputStream() {
            return new OutputStream() {
                @Override
                public void write(int one) throws IOException {
                    write(new byte[] {(byte) one}, 0, 1);
                }

                @Override
                public void write(byte[] bytes, int from, int n) throws IOException {
                    for (ByteBuffer out = ByteBuffer.wrap(bytes, from, n); out.hasRemaining(); ) channel.write(out);
                }
            };
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void background(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception err) {
                // a connection that ended, or that was refused
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
