//! Writes the series of one family. The descriptor goes out with the first of them, so an empty family
//! leaves no trace.

use super::families::MetricFamily;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabel, EncodeLabelSet,
    EncodeLabelValue, LabelSetEncoder, LabelValueEncoder, MetricEncoder, NoLabelSet,
};
use std::fmt::{self, Write};
use std::net::IpAddr;

/// A label value, borrowed or small: nothing is allocated to write it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Str(&'a str),
    Ip(IpAddr),
    Net(ipnet::IpNet),
    Number(u32),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Str(text)
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        Value::Ip(address)
    }
}

impl From<ipnet::IpNet> for Value<'_> {
    fn from(net: ipnet::IpNet) -> Self {
        Value::Net(net)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Value::Number(number)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    /// What is not known is the empty string.
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Str(""), Into::into)
    }
}

impl Value<'_> {
    fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Value::Str(text) => out.write_str(text),
            Value::Ip(address) => write!(out, "{address}"),
            Value::Net(net) => write!(out, "{net}"),
            Value::Number(number) => write!(out, "{number}"),
        }
    }
}

impl EncodeLabelValue for Value<'_> {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        self.write(encoder)
    }
}

/// The labels that many series share, written out once: `node="a",peer="10.0.0.1"`.
pub(super) struct Shared<'a> {
    text: String,
    /// Where the name of the last label ends.
    head: usize,
    last: Value<'a>,
    count: usize,
}

impl<'a> Shared<'a> {
    /// The first labels of `family`, and of every other that begins alike.
    pub(super) fn new(
        family: &'static MetricFamily,
        values: &[Value<'a>],
    ) -> Result<Self, fmt::Error> {
        let mut shared = Shared {
            text: String::with_capacity(128),
            head: 0,
            last: Value::Str(""),
            count: values.len(),
        };
        for (name, value) in family.labels.iter().zip(values) {
            if !shared.text.is_empty() {
                shared.text.push(',');
            }
            shared.text.push_str(name);
            shared.head = shared.text.len();
            shared.last = *value;
            shared.text.push_str("=\"");
            value.write(&mut Escaping(&mut shared.text))?;
            shared.text.push('"');
        }
        Ok(shared)
    }
}

/// Escapes a label value as both formats have it.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', text.as_bytes()) {
            self.0.push_str(&text[..at]);
            self.0.push_str(match text.as_bytes()[at] {
                b'\\' => "\\\\",
                b'"' => "\\\"",
                _ => "\\n",
            });
            text = &text[at + 1..];
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// The family's label names with the values of one series.
struct LabelSet<'a> {
    names: &'static [&'static str],
    shared: Option<&'a Shared<'a>>,
    values: &'a [Value<'a>],
}

impl EncodeLabelSet for LabelSet<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        let mut rest = self.values.iter();
        let mut names = self.names.iter();
        if let Some(shared) = self.shared {
            // A label key is written as it is, so the shared labels go out as part of the next one's.
            let mut names_left = names.by_ref().skip(shared.count);
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            let value = if let (Some(name), Some(value)) = (names_left.next(), rest.next()) {
                key.write_str(&shared.text)?;
                key.write_str(",")?;
                key.write_str(name)?;
                value
            } else {
                key.write_str(&shared.text[..shared.head])?;
                &shared.last
            };
            let mut encoded = key.encode_label_value()?;
            value.write(&mut encoded)?;
            encoded.finish()?;
        }
        for (name, value) in names.zip(rest) {
            (*name, *value).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

enum State<'e, 'd> {
    Unwritten(&'e mut DescriptorEncoder<'d>),
    Open(MetricEncoder<'e>),
    Broken,
}

/// One family being written.
pub(super) struct Series<'e, 'd> {
    family: &'static MetricFamily,
    state: State<'e, 'd>,
}

impl<'e, 'd> Series<'e, 'd> {
    pub(super) fn new(
        encoder: &'e mut DescriptorEncoder<'d>,
        family: &'static MetricFamily,
    ) -> Self {
        Series {
            family,
            state: State::Unwritten(encoder),
        }
    }

    fn open(&mut self) -> Result<&mut MetricEncoder<'e>, fmt::Error> {
        if let State::Unwritten(_) = self.state
            && let State::Unwritten(encoder) = std::mem::replace(&mut self.state, State::Broken)
        {
            let family = self.family;
            self.state = State::Open(encoder.encode_descriptor(
                family.stem(),
                family.help,
                family.unit(),
                family.metric_type(),
            )?);
        }
        match &mut self.state {
            State::Open(metric) => Ok(metric),
            _ => Err(fmt::Error),
        }
    }

    fn labels<'a>(&self, shared: Option<&'a Shared<'a>>, values: &'a [Value<'a>]) -> LabelSet<'a> {
        debug_assert_eq!(
            self.family.labels.len(),
            shared.map_or(0, |shared| shared.count) + values.len(),
            "{}: one value for each label",
            self.family.name
        );
        LabelSet {
            names: self.family.labels,
            shared,
            values,
        }
    }

    fn gauge_with(&mut self, labels: &LabelSet, value: impl EncodeGaugeValue) -> fmt::Result {
        let metric = self.open()?;
        if labels.names.is_empty() {
            return metric.encode_gauge(&value);
        }
        metric.encode_family(labels)?.encode_gauge(&value)
    }

    fn counter_with(&mut self, labels: &LabelSet, value: impl EncodeCounterValue) -> fmt::Result {
        let metric = self.open()?;
        if labels.names.is_empty() {
            return metric.encode_counter::<NoLabelSet, _, u64>(&value, None);
        }
        metric
            .encode_family(labels)?
            .encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// A gauge. `values` are the label values in the family's order.
    pub(super) fn gauge(&mut self, values: &[Value], value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauge_with(&self.labels(None, values), value)
    }

    /// A gauge with shared labels; `values` are those of the others.
    pub(super) fn gauge_of(
        &mut self,
        shared: &Shared,
        values: &[Value],
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        self.gauge_with(&self.labels(Some(shared), values), value)
    }

    /// A counter.
    pub(super) fn counter(
        &mut self,
        values: &[Value],
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        self.counter_with(&self.labels(None, values), value)
    }

    /// A counter with shared labels.
    pub(super) fn counter_of(
        &mut self,
        shared: &Shared,
        values: &[Value],
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        self.counter_with(&self.labels(Some(shared), values), value)
    }

    /// An info: always 1.
    pub(super) fn info(&mut self, values: &[Value]) -> fmt::Result {
        let labels = self.labels(None, values);
        self.open()?.encode_info(&labels)
    }

    /// An info with shared labels.
    pub(super) fn info_of(&mut self, shared: &Shared, values: &[Value]) -> fmt::Result {
        let labels = self.labels(Some(shared), values);
        self.open()?.encode_info(&labels)
    }
}
