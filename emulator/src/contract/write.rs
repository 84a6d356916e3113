//! Writes the notation, always in the same order: resources and types by name, fields and operations as they are.

use std::fmt::{self, Display, Formatter};

use super::{Access, Contract, Field, Operation, PROVIDER, Returns, Shape};

impl Display for Contract {
    fn fmt(&self, out: &mut Formatter) -> fmt::Result {
        let mut blocks = Vec::new();
        for (name, fields) in &self.resources {
            blocks.push(block(&format!("resource {name}"), fields.iter().map(ToString::to_string)));
        }
        if !self.omitted.is_empty() {
            let lines: Vec<String> = self.omitted.iter().map(|name| format!("omitted {name}\n")).collect();
            blocks.push(lines.concat());
        }
        for (name, known) in &self.types {
            let mut words = vec![format!("type {name}")];
            if !known.bases.is_empty() {
                words.push(format!(": {}", known.bases.join(", ")));
            }
            words.extend(known.by.iter().map(|by| format!("by {by}")));
            let kinds = known.kinds.iter().map(|(word, kind)| format!("| {word} {kind}"));
            blocks.push(block(&words.join(" "), known.fields.iter().map(ToString::to_string).chain(kinds)));
        }
        blocks.extend(self.operations.iter().map(operation));
        out.write_str(&blocks.join("\n"))
    }
}

fn block(first: &str, lines: impl Iterator<Item = String>) -> String {
    lines.fold(format!("{first}\n"), |block, line| format!("{block}  {line}\n"))
}

fn operation(operation: &Operation) -> String {
    let in_group =
        format!("/subscriptions/{{subscriptionId}}/resourceGroups/{{resourceGroupName}}/{PROVIDER}");
    let in_subscription = format!("/subscriptions/{{subscriptionId}}/{PROVIDER}");
    let path = match (operation.path.strip_prefix(&in_group), operation.path.strip_prefix(&in_subscription)) {
        (Some(rest), _) => format!("~{rest}"),
        (None, Some(rest)) => format!("-{rest}"),
        (None, None) => operation.path.clone(),
    };
    let query = operation.query.join(" ");
    let query = (!query.is_empty()).then(|| format!("query {query}")).into_iter();
    let returns = operation.returns.iter().map(|returns| match returns {
        Returns::One(name) => format!("returns {name}"),
        Returns::List(name) => format!("returns list {name}"),
    });
    let statuses = operation.statuses.iter().map(|(status, headers)| {
        headers.iter().fold(status.to_string(), |line, header| format!("{line} {header}"))
    });
    block(
        &format!("operation {} {path} {}", operation.method, operation.id),
        query.chain(returns).chain(statuses),
    )
}

impl Display for Field {
    fn fmt(&self, out: &mut Formatter) -> fmt::Result {
        let required = if self.required { "!" } else { "" };
        let access = match self.access {
            Access::Both => "",
            Access::Read => "read ",
            Access::Write => "write ",
        };
        write!(out, "{}{required} {access}{}", self.name, self.shape)
    }
}

impl Display for Shape {
    fn fmt(&self, out: &mut Formatter) -> fmt::Result {
        match self {
            Self::Any => out.write_str("any"),
            Self::Object => out.write_str("object"),
            Self::Text { least, most, pattern } => {
                out.write_str("text")?;
                let bound = |bound: &Option<u32>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                if least.is_some() || most.is_some() {
                    write!(out, " {}..{}", bound(least), bound(most))?;
                }
                pattern.iter().try_for_each(|pattern| write!(out, " /{pattern}/"))
            }
            Self::Scalar => out.write_str("scalar"),
            Self::Flag => out.write_str("flag"),
            Self::Whole(None) => out.write_str("whole"),
            Self::Whole(Some(least)) => write!(out, "whole {least}.."),
            Self::Number => out.write_str("number"),
            Self::Time => out.write_str("time"),
            Self::Duration => out.write_str("duration"),
            Self::Words(words) => write!(out, "word {}", words.join(" | ")),
            Self::Map(inner) => write!(out, "map {inner}"),
            Self::List(inner) => write!(out, "list {inner}"),
            Self::Of(name) => out.write_str(name),
        }
    }
}
