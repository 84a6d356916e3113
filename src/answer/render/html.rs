//! HTML: one file with everything in it, without scripts, links or anything that is loaded.

use std::fmt::Write;

use super::table::{Shown, Table, Tone};
use super::text::one_line;

/// Text between tags or in an attribute.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1c2128;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem;border-bottom:1px solid #d0d7de;unicode-bidi:isolate}\
th{background:#f6f8fa}.good{color:#1a7f37}.bad{color:#b42318}.unsure{color:#8a6100}.note{background:#fff8c5;padding:.5rem .8rem}\
svg{max-width:100%;height:auto}p,h1,h2{unicode-bidi:isolate}";

/// A page. The title is foreign text, and so are the notes, which say what the answer lacks; the body is HTML.
pub fn page(title: &str, notes: &[String], body: &str) -> String {
    let title = escaped(title);
    let mut told = String::new();
    for note in notes {
        // Writing into a String cannot fail.
        let _ = writeln!(told, "<p class=\"note\">{}</p>", escaped(note));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{told}{body}</body>\n</html>\n"
    )
}

/// A table with the columns that people see.
pub fn table(table: &Table, most: Shown) -> String {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|at| table.columns[*at].shown <= most).collect();
    let mut out = String::from("<table>\n<tr>");
    for at in &shown {
        let _ = write!(out, "<th>{}</th>", escaped(&words(table.columns[*at].name)));
    }
    out.push_str("</tr>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for at in &shown {
            let class = match row[*at].tone {
                Tone::Plain => "",
                Tone::Good => " class=\"good\"",
                Tone::Bad => " class=\"bad\"",
                Tone::Unsure => " class=\"unsure\"",
            };
            let _ = write!(out, "<td{class}>{}</td>", escaped(&row[*at].text));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
    out
}

/// `trainedBy` becomes `Trained by`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 2);
    for (at, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(if at == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    }
    words
}
