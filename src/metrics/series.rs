//! Writes the series of one family. The descriptor goes out with the first of them, so that an empty family
//! leaves no trace.

use super::families::MetricFamily;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabel,
    EncodeLabelSet, EncodeLabelValue, GaugeValueEncoder, LabelSetEncoder, LabelValueEncoder,
    MetricEncoder, NoLabelSet,
};
use std::fmt::{self, Write};
use std::net::IpAddr;

/// A label value. It borrows, so that nothing is allocated to write it.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// An unknown value is the empty string.
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Str(""), Into::into)
    }
}

impl EncodeLabelValue for Value<'_> {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        match self {
            Value::Str(text) => encoder.write_str(text),
            Value::Ip(address) => write!(encoder, "{address}"),
            Value::Net(net) => write!(encoder, "{net}"),
            Value::Number(number) => EncodeLabelValue::encode(number, encoder),
        }
    }
}

/// A value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Integer(u64),
    Float(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number::Integer(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Float(number)
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder) -> fmt::Result {
        match self {
            Number::Integer(number) => EncodeGaugeValue::encode(number, encoder),
            Number::Float(number) => EncodeGaugeValue::encode(number, encoder),
        }
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder) -> fmt::Result {
        match self {
            Number::Integer(number) => EncodeCounterValue::encode(number, encoder),
            Number::Float(number) => EncodeCounterValue::encode(number, encoder),
        }
    }
}

/// The family's label names with the values of one series. Many series of one object begin with the same values:
/// those are `common`.
#[derive(Clone, Copy)]
struct LabelSet<'a> {
    names: &'static [&'static str],
    common: &'a [Value<'a>],
    own: &'a [Value<'a>],
}

impl EncodeLabelSet for LabelSet<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        for (name, value) in self.names.iter().zip(self.common.iter().chain(self.own)) {
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

    /// The descriptor, also without a series.
    pub(super) fn header(&mut self) -> fmt::Result {
        self.open().map(|_| ())
    }

    fn labels<'a>(&self, common: &'a [Value<'a>], own: &'a [Value<'a>]) -> LabelSet<'a> {
        debug_assert_eq!(
            self.family.labels.len(),
            common.len() + own.len(),
            "{}: one value for each label",
            self.family.name
        );
        LabelSet {
            names: self.family.labels,
            common,
            own,
        }
    }

    /// A gauge. `values` are the label values in the family's order.
    pub(super) fn gauge(&mut self, values: &[Value], value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauge_of(&[], values, value)
    }

    /// A gauge whose labels begin with `common`; `values` are the others.
    pub(super) fn gauge_of(
        &mut self,
        common: &[Value],
        values: &[Value],
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        let labels = self.labels(common, values);
        self.open()?.encode_family(&labels)?.encode_gauge(&value)
    }

    /// A counter.
    pub(super) fn counter(
        &mut self,
        values: &[Value],
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        self.counter_of(&[], values, value)
    }

    /// A counter whose labels begin with `common`; `values` are the others.
    pub(super) fn counter_of(
        &mut self,
        common: &[Value],
        values: &[Value],
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        let labels = self.labels(common, values);
        self.open()?
            .encode_family(&labels)?
            .encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// An info: always 1.
    pub(super) fn info(&mut self, values: &[Value]) -> fmt::Result {
        self.info_of(&[], values)
    }

    /// An info whose labels begin with `common`; `values` are the others.
    pub(super) fn info_of(&mut self, common: &[Value], values: &[Value]) -> fmt::Result {
        let labels = self.labels(common, values);
        self.open()?.encode_info(&labels)
    }
}
