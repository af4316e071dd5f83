//! Text values that are checked while the file is read, so that the error has their line.

use serde::de::value::{self, StringDeserializer};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
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

/// A value for which a blank text stands for none, as exporter-toolkit has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<T>(pub(super) Option<T>);

impl<T: DeserializeOwned> TryFrom<String> for Given<T> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Given(None));
        }
        let text: StringDeserializer<value::Error> = text.into_deserializer();
        match T::deserialize(text) {
            Ok(value) => Ok(Given(Some(value))),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer)
    }
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
