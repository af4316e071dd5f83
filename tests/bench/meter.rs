//! The bench's bare client and its stop watch: reads one job a line, prints `WALL_NS BYTES` for each.
//!
//! ```text
//! bird SOCKET      restrict, show status, show protocols all on a fresh connection; nothing is parsed
//! http PORT PATH   one GET on a fresh connection to loopback, read to its end
//! dump all|bird    the kernel's routes of both families, received and counted, not decoded
//! nothing          what a job costs in itself
//! ```
//! Wall time ends with the last byte.

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteMessage, RouteProtocol},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use std::io::{self, BufRead, Error, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const NLMSG_DONE: u16 = 3;

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let job: Vec<&str> = line.split_whitespace().collect();
        let began = Instant::now();
        let bytes = match job[..] {
            ["bird", socket] => bird(socket),
            ["http", port, path] => http(port, path),
            ["dump", which] => dump(which == "bird"),
            ["nothing"] => Ok(0),
            _ => Err(Error::other(format!("what is {line:?}?"))),
        };
        let wall = began.elapsed().as_nanos();
        match bytes {
            Ok(bytes) => println!("{wall} {bytes}"),
            Err(error) => println!("failed: {error}"),
        }
    }
    Ok(())
}

/// Asks as the exporter asks, and only looks for the end of each answer.
fn bird(path: &str) -> io::Result<usize> {
    let mut socket = UnixStream::connect(path)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut buffer = vec![0; 65536];
    let mut total = until_end(&mut socket, &mut buffer)?;
    for command in ["restrict\n", "show status\n", "show protocols all\n"] {
        socket.write_all(command.as_bytes())?;
        total += until_end(&mut socket, &mut buffer)?;
    }
    Ok(total)
}

/// Reads to the line that ends an answer: four digits and a space at its beginning. It is the last that BIRD sends, so
/// only the last line of what has arrived needs a look.
fn until_end(socket: &mut UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let got = socket.read(buffer)?;
        if got == 0 {
            return Err(Error::other("closed before its final line"));
        }
        total += got;
        let fresh = &buffer[..got];
        let keep = fresh[..got - 1].iter().rposition(|byte| *byte == b'\n');
        match keep {
            Some(end) => tail = fresh[end + 1..].to_vec(),
            None => tail.extend_from_slice(fresh),
        }
        let code = tail.len() > 4 && tail[..4].iter().all(u8::is_ascii_digit);
        if code && tail[4] == b' ' && tail.ends_with(b"\n") {
            return Ok(total);
        }
        if tail.ends_with(b"\n") {
            tail.clear();
        }
    }
}

fn http(port: &str, path: &str) -> io::Result<usize> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let accept = "text/plain;version=0.0.4";
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::with_capacity(1 << 20);
    stream.read_to_end(&mut answer)?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(Error::other("not 200"));
    }
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    Ok(answer.len() - head.map_or(0, |end| end + 4))
}

fn dump(only_bird: bool) -> io::Result<usize> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    // The kernel honours the filter in the request.
    socket.set_netlink_get_strict_chk(true)?;
    let mut total = 0;
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut route = RouteMessage::default();
        route.header.address_family = family;
        if only_bird {
            route.header.protocol = RouteProtocol::Bird;
        }
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let payload = NetlinkPayload::from(RouteNetlinkMessage::GetRoute(route));
        let mut message = NetlinkMessage::new(header, payload);
        message.finalize();
        let mut request = vec![0; message.buffer_len()];
        message.serialize(&mut request);
        socket.send(&request, 0)?;
        total += receive(&socket)?;
    }
    Ok(total)
}

/// Walks over the message headers of a dump up to NLMSG_DONE.
fn receive(socket: &Socket) -> io::Result<usize> {
    let mut total = 0;
    let mut buffer = Vec::with_capacity(65536);
    loop {
        buffer.clear();
        let got = socket.recv(&mut buffer, 0)?;
        total += got;
        let mut offset = 0;
        while offset < got {
            let message = NetlinkBuffer::new_checked(&buffer[offset..got]).map_err(Error::other)?;
            if message.message_type() == NLMSG_DONE {
                return Ok(total);
            }
            offset += (message.length() as usize).next_multiple_of(4);
        }
    }
}
