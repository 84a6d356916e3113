//! Rules of approvals, and of what a place asks of them: soak time and waivers.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::example::asset;
use crate::sentences::*;

/// What somebody decides about an asset, and what the decision rests on.
pub(super) fn rules_of_approvals() -> Vec<Case> {
    let kind = "approvals";
    let mut cases = vec![];
    let mut of = |field: &str, says, put: &dyn Fn(&str) -> Value, wrong: &[&str], right: &[&str]| {
        let field: &'static str = field.to_string().leak();
        for wrong in wrong {
            cases.extend(right.iter().map(|right| case(kind, field, says, put(wrong), put(right))));
        }
    };
    let shared = "azureml://registries/fares-models/models/nyc-taxi-fare/versions/3";
    let own = &asset("models", "nyc_taxi-fare");
    let id = |id: &str| at("spec.assetId", id.into());
    let wrong = [
        "",
        "nyc-taxi-fare:3",
        "azureml:nyc-taxi-fare:3",
        own.trim_start_matches('/'),
        &own.replace("/versions/1", ""),
        &own.replace("/models/", "/environments/"),
        &own.replace("nyc_taxi-fare", "nyc%5Ftaxi-fare"),
        &own.replace("/versions/1", "/versions/01"),
        &format!("{own}/"),
        &format!("{own}\n"),
        &format!("{own}?api-version=1"),
        &format!("{own} "),
        &shared.replace("/versions/3", "/versions/*"),
        &shared.replace("/versions/3", "/labels/latest"),
        &shared.replace("fares-models", "fares/models"),
        &shared.replace("fares-models", "fares models"),
        &shared.replace("fares-models", ""),
    ];
    of(
        "spec.assetId",
        ASSET_ID,
        &id,
        &wrong,
        &[
            shared,
            own,
            &own.to_lowercase(),
            &own.replace("/models/", "/MODELS/").replace("/versions/", "/Versions/"),
        ],
    );
    let unseen = ["fares\u{200b}-models", "fares\u{202e}-models", "fares\u{ad}-models"];
    let unseen = unseen.map(|name| shared.replace("fares-models", name));
    of("spec.assetId", SEEN, &id, &unseen.each_ref().map(String::as_str), &[shared]);

    let by = |by: &str| at("spec.by", by.into());
    let wrong = [
        "",
        " ",
        " ada",
        "ada ",
        "ada\n",
        "ada\tlovelace",
        "ada\u{7f}",
        "ada\u{200b}",
        "a\u{202e}da",
        "ada\u{85}",
    ];
    let right = [
        "ada@fares.example",
        "system:serviceaccount:argocd:argocd-application-controller",
        "Ada Lovelace",
        "a",
        "Ädä",
    ];
    of("spec.by", PERSON, &by, &wrong, &right);

    let tiers = |tier: &str| at("spec.tiers", json!(["staging", tier]));
    of("spec.tiers[]", TIER, &tiers, &["", "all tiers", "-prod", "prod\n"], &["Prod_1.a"]);

    let document = |field: &str, value: &str| {
        let mut document = json!({"name": "report", "uri": "https://reports.example/3.pdf"});
        document[field] = value.into();
        at("spec.evidence", json!([document]))
    };
    let named = |name: &str| document("name", name);
    of("spec.evidence[].name", ENTRY_NAME, &named, &["", "The report", "report-"], &["report-1"]);
    let uri = |uri: &str| document("uri", uri);
    let wrong = [
        "",
        "https://",
        "http://reports.example/3.pdf",
        "HTTPS://reports.example/3.pdf",
        "javascript:alert(1)",
        "reports.example/3.pdf",
        "https://ada:secret@reports.example/3.pdf",
        "https://reports.example/3.pdf?sig=secret",
        "https://reports.example/3.pdf#page=2",
        "https://reports.example/3 4.pdf",
        "https://reports.example/3.pdf\n",
        "https://reports.example\\3.pdf",
        "https://reports.example/<b>",
        "https://reports.example/\"3",
    ];
    let right = [
        "https://reports.example:8443/fares/3.pdf",
        "https://reports.example/%C3%A4/(3)~'&=;+$,!*",
        "https://ä.example/ü",
    ];
    of("spec.evidence[].uri", DOCUMENT, &uri, &wrong, &right);
    let unseen = ["https://reports.example/\u{202e}fdp.3", "https://reports.example/3\u{200b}.pdf"];
    of("spec.evidence[].uri", SEEN, &uri, &unseen, &right);
    let sha256 = |digits: &str| document("sha256", digits);
    let digits = "0123456789abcdef".repeat(4);
    let wrong = ["", &digits[1..], &digits.to_uppercase(), &digits.replace('f', "g")];
    of("spec.evidence[].sha256", SHA256, &sha256, &wrong, &[&digits]);

    let reason = |reason: &str| at("spec.reason", reason.into());
    of(
        "spec.reason",
        DESCRIPTION,
        &reason,
        &["a\u{0}", "ding\u{7}"],
        &["", "two\nlines,\tand more: ünï <b>?"],
    );
    of(
        "spec.reason",
        SEEN,
        &reason,
        &["bet\u{200b}ter", "\u{2066}better"],
        &["a \u{1f468}\u{200d}\u{1f469}"],
    );
    cases
}

/// Times that somebody writes. What is taken has to be readable for the API server's own rules, and for Bindery.
pub(super) fn rules_of_times() -> Vec<Case> {
    let mut cases = vec![];
    let day = |day: &str| format!("{day}T00:00:00Z");
    let wrong_days = [
        "9999-12-31",
        "9999-01-01",
        "1969-12-31",
        "0000-01-01",
        "2027-13-01",
        "2027-00-10",
        "2027-04-31",
        "2027-02-29",
        "2100-02-29",
        "2027-02-30",
        "2027-01-32",
        "2027-01-00",
        "2027-1-1",
        "+2027-01-01",
    ];
    let wrong_times = [
        "2027-03-31",
        "2027-03-31T00:00:00",
        "2027-03-31t00:00:00z",
        "2027-03-31T00:00:00z",
        "2027-03-31 00:00:00Z",
        "2027-03-31T24:00:00Z",
        "2027-03-31T00:60:00Z",
        "2027-03-31T23:59:60Z",
        "2027-03-31T00:00Z",
        "2027-03-31T00:00:00+25:00",
        "2027-03-31T00:00:00+24:00",
        "2027-03-31T00:00:00+02",
        "2027-03-31T00:00:00+0200",
        "2027-03-31T00:00:00.Z",
        "2027-03-31T00:00:00.0123456789Z",
        "2027-03-31T00:00:00,5Z",
        "2027-03-31T00:00:00Z\n",
        "",
        "never",
    ];
    let right_days =
        ["9998-12-31", "1970-01-01", "2028-02-29", "2000-02-29", "2400-02-29", "1996-02-29", "2027-04-30"];
    let right_times = [
        "2027-03-31T02:00:00+02:00",
        "2027-03-31T23:59:59-23:59",
        "2027-03-31T00:00:00.5Z",
        "2027-03-31T00:00:00.123456789+05:30",
    ];
    let all = |days: &[&str], times: &[&str]| {
        days.iter().map(|it| day(it)).chain(times.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let (wrong, right) = (all(&wrong_days, &wrong_times), all(&right_days, &right_times));
    let own = asset("models", "taxi");
    let put = |field: &str, time: &str| {
        let mut patch = at(field, time.into());
        if field == "spec.assetCreatedAt" {
            patch["spec"]["assetId"] = own.as_str().into();
        }
        patch
    };
    for (kind, field, says) in [
        ("approvals", "spec.expiresAt", END),
        ("modelversions", "spec.retirement.at", END),
        ("approvals", "spec.assetCreatedAt", MOMENT),
    ] {
        for (n, wrong) in wrong.iter().enumerate() {
            cases.push(case(kind, field, says, put(field, wrong), put(field, &right[n % right.len()])));
        }
    }
    cases
}

/// Where a version has to have served before, and which rules somebody may waive.
pub(super) fn rules_of_soak_and_waivers() -> Vec<Case> {
    let (place, approval) = ("workspaces", "approvals");
    let soak =
        |period: &str| at("spec.policy.soak", json!({"in": [{"name": "fares-staging"}], "for": period}));
    let mut cases = vec![
        case(place, "spec.policy.soak.for", PERIOD, soak("1d"), soak("24h")),
        case(place, "spec.policy.soak", "for must be from 1s to 2160h", soak("0s"), soak("1s")),
        case(place, "spec.policy.soak", "for must be from 1s to 2160h", soak("2160h1s"), soak("2160h")),
        case(
            approval,
            "spec",
            "a waiver has to end: with waives give expiresAt, such as 2027-03-31T00:00:00Z",
            json!({"spec": {"waives": ["Soak"], "expiresAt": null}}),
            json!({"spec": {"waives": ["Soak"], "expiresAt": "2027-03-31T00:00:00Z"}}),
        ),
        case(
            approval,
            "spec",
            "assetCreatedAt is for a version in a workspace: take it out, because in a registry a number is given once",
            json!({"spec": {"assetCreatedAt": "2026-03-31T00:00:00Z", "assetId": "azureml://registries/fares/models/taxi/versions/3"}}),
            json!({"spec": {"assetCreatedAt": "2026-03-31T00:00:00Z", "assetId": asset("models", "taxi")}}),
        ),
        case(
            approval,
            "spec",
            "a rejection waives nothing: take waives out, or make decision Approved",
            json!({"spec": {"waives": ["Soak"], "decision": "Rejected"}}),
            json!({"spec": {"waives": null, "decision": "Rejected"}}),
        ),
    ];
    for (kind, field) in [(place, "spec.policy.approvals.waivable"), (approval, "spec.waives")] {
        let told: &'static str = format!("{field}[]").leak();
        for wrong in [
            "",
            "soak",
            "windows",
            "Windows/lunch",
            "Approvals",
            "Sources",
            "Gate",
            "Gate/",
            "Gate/RMSE",
            "Gate/*",
            "Soak\n",
            "Gate/a/b",
        ] {
            let right = at(field, json!(["Soak", "Windows", "Gate/rmse-1"]));
            cases.push(case(kind, told, WAIVABLE_RULE, at(field, json!(["Gate/a", wrong])), right));
        }
    }
    cases
}
