//! What is wrong with the node, in words for a person.

/// Where the documents are that [`Finding::docs`] names: an address that ends with a slash, or nothing. Then their paths stand
/// alone: nothing is published, and a stranger could register whatever address stood here.
pub const DOCS: &str = env!("BUILD_DOCS");

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Pods cannot reach each other, or soon cannot.
    Critical,
    /// Something is broken and traffic still flows.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The word, as the alerts have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable name (`peer-refused`).
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What was observed.
    pub seen: String,
    /// What it does to the cluster.
    pub meaning: String,
    /// What most likely causes it.
    pub cause: String,
    /// What to do next, step by step.
    pub next: Vec<String>,
    /// The document that explains it: a path in the repository, perhaps with an anchor.
    pub docs: &'static str,
}
