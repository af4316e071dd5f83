//! Text values that are checked while the file is read, so that the error has their line.

use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Deserializes a string into something that not every string is.
pub(super) fn checked<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String, Error = String>,
{
    struct Text<T>(PhantomData<T>);
    impl<T: TryFrom<String, Error = String>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            T::try_from(text.to_owned()).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(PhantomData))
}

/// Implements `Deserialize` by `TryFrom<String>`.
macro_rules! deserialize_checked {
    ($type:ty) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::http::web_config::checked::checked(deserializer)
            }
        }
    };
}
pub(super) use deserialize_checked;
