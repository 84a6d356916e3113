//! runs/search: MLflow's filter language, order and pages.

use serde_json::{Value, json};

use super::{experiment, refused, run};
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::wire::{Request, Response};

/// Answers runs/search.
pub fn answer(core: &Core, workspace: &Address, request: &Request) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return refused(400, "BAD_REQUEST", "The body is not JSON.");
    };
    let experiments: Vec<&str> =
        body["experiment_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let conditions = match body["filter"].as_str().map_or(Ok(Vec::new()), conditions) {
        Ok(conditions) => conditions,
        Err(clause) => {
            return refused(
                400,
                "INVALID_PARAMETER_VALUE",
                &format!("Invalid clause in filter string: {clause}"),
            );
        }
    };
    let most = body["max_results"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1000);
    let start = body["page_token"].as_str().and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
    let mut runs: Vec<Value> = core
        .store
        .all(&format!("{}/jobs", workspace.key()))
        .filter(|job| {
            experiments.is_empty() || experiments.contains(&experiment::of(core, workspace, job).as_str())
        })
        .map(|job| run(core, workspace, &job))
        .filter(|run| conditions.iter().all(|condition| condition.holds(run)))
        .collect();
    if body["run_view_type"] == "DELETED_ONLY" {
        runs.clear();
    }
    for clause in body["order_by"].as_array().into_iter().flatten().filter_map(Value::as_str).rev() {
        sort(&mut runs, clause);
    }
    let page: Vec<&Value> = runs.iter().skip(start).take(most).collect();
    let mut answer = json!({"runs": page});
    if start + page.len() < runs.len() {
        answer["next_page_token"] = (start + page.len()).to_string().into();
    }
    Response::json(200, &answer)
}

const QUOTES: &[char] = &['\'', '"', '`'];

/// `metrics.rmse` or `start_time`, as the group it is in and its name there.
fn column(text: &str) -> (String, String) {
    let (group, key) = text.trim().split_once('.').unwrap_or(("attributes", text.trim()));
    (group.trim_end_matches('s').to_owned(), key.trim_matches(QUOTES).to_owned())
}

/// What a run has in a column, as text.
fn value(run: &Value, group: &str, key: &str) -> Option<String> {
    let found = if group == "attribute" {
        run["info"].get(key)
    } else {
        run["data"][format!("{group}s")]
            .as_array()
            .and_then(|pairs| pairs.iter().find(|pair| pair["key"] == key))
            .and_then(|pair| pair.get("value"))
    }?;
    Some(found.as_str().map_or_else(|| found.to_string(), ToOwned::to_owned))
}

/// Sorts by a clause such as `metrics.rmse DESC`; runs that lack it come last.
fn sort(runs: &mut [Value], clause: &str) {
    let (text, descending) = match clause.trim().rsplit_once(' ') {
        Some((text, word)) if word.eq_ignore_ascii_case("desc") => (text, true),
        Some((text, word)) if word.eq_ignore_ascii_case("asc") => (text, false),
        _ => (clause, false),
    };
    let (group, key) = column(text);
    runs.sort_by(|left, right| {
        let (left, right) = (value(left, &group, &key), value(right, &group, &key));
        let (Some(left), Some(right)) = (&left, &right) else {
            return left.is_none().cmp(&right.is_none());
        };
        let order = match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(left), Ok(right)) => left.total_cmp(&right),
            _ => left.cmp(right),
        };
        if descending { order.reverse() } else { order }
    });
}

/// One clause of MLflow's filter language: `metrics.rmse < 4`, `tags.x = 'y'`.
struct Condition {
    group: String,
    key: String,
    operator: &'static str,
    value: String,
}

fn conditions(filter: &str) -> Result<Vec<Condition>, String> {
    let clauses = filter.replace(" AND ", " and ");
    clauses.split(" and ").filter(|clause| !clause.trim().is_empty()).map(condition).collect()
}

fn condition(clause: &str) -> Result<Condition, String> {
    let operator = ["!=", "<=", ">=", "=", "<", ">"].into_iter().find(|operator| clause.contains(operator));
    let operator = operator.ok_or_else(|| clause.to_owned())?;
    let (left, right) = clause.split_once(operator).ok_or_else(|| clause.to_owned())?;
    let (group, key) = column(left);
    Ok(Condition { group, key, operator, value: right.trim().trim_matches(QUOTES).to_owned() })
}

impl Condition {
    fn holds(&self, run: &Value) -> bool {
        let Some(text) = value(run, &self.group, &self.key) else { return false };
        if let (Ok(left), Ok(right)) = (text.parse::<f64>(), self.value.parse::<f64>())
            && self.group == "metric"
        {
            return match self.operator {
                "<" => left < right,
                "<=" => left <= right,
                ">" => left > right,
                ">=" => left >= right,
                "!=" => (left - right).abs() > f64::EPSILON,
                _ => (left - right).abs() <= f64::EPSILON,
            };
        }
        match self.operator {
            "=" => text == self.value,
            "!=" => text != self.value,
            _ => false,
        }
    }
}
