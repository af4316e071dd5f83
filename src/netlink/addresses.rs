//! Addresses of devices: one request, where rtnetlink's own connection serves best.

use super::error::KernelError;
use crate::model::link::Address;
use futures_util::TryStreamExt;
use netlink_packet_route::address::AddressAttribute;
use std::io;

pub(super) async fn addresses() -> Result<Vec<Address>, KernelError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(KernelError::Open)?;
    let connection = tokio::spawn(connection);
    let dumped = handle
        .address()
        .get()
        .execute()
        .try_collect::<Vec<_>>()
        .await;
    connection.abort();
    let messages = dumped.map_err(|error| KernelError::Io {
        what: "addresses",
        error: io::Error::other(error),
    })?;
    let mut addresses = Vec::with_capacity(messages.len());
    for message in messages {
        // On a point-to-point device IFA_ADDRESS is the other end.
        let (mut own, mut other) = (None, None);
        for attribute in message.attributes {
            match attribute {
                AddressAttribute::Local(address) => own = Some(address),
                AddressAttribute::Address(address) => other = Some(address),
                _ => {}
            }
        }
        addresses.extend(own.or(other).map(|address| Address {
            ifindex: message.header.index,
            address,
            prefix_len: message.header.prefix_len,
        }));
    }
    Ok(addresses)
}
