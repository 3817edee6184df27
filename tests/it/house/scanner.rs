//! Reads a Rust file as tokens: which paths it spells, in full, and which words stand in which line.
//!
//! Tokens, because text would be misled by comments and strings, and a syntax tree does not see into macros.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// What stands in a file, as far as the law is concerned.
#[derive(Debug, Default)]
pub struct Scan {
    pub paths: Vec<Path>,
    pub words: Vec<Word>,
}

/// A path such as `crate::domain::users`. A `use` of a tree gives one for every leaf.
#[derive(Debug)]
pub struct Path {
    /// As it is spelled, the braces of a tree multiplied out.
    pub spelled: Vec<String>,
    /// Where it leads, from the root of this crate, if it starts with `crate`, `self` or `super`.
    pub leads_to: Option<Vec<String>>,
    /// Whether it was put together from the braces of a `use`, and stands nowhere in one piece.
    pub from_braces: bool,
    /// Whether a `pub use` gives it on to others.
    pub reexported: bool,
    pub line: usize,
    pub in_test: bool,
}

/// An identifier, a `::`, a bracket or a single sign. Literals are all the same word and comments are none.
#[derive(Debug)]
pub struct Word {
    pub text: String,
    pub line: usize,
    pub in_test: bool,
}

/// Reads the file that is the module `module` (from the root of its crate).
pub fn scan(text: &str, module: &[String], in_test: bool) -> Result<Scan, LexError> {
    let pieces = pieces(text.parse()?);
    let mut scan = Scan::default();
    scan.visit(&pieces, module, in_test);
    Ok(scan)
}

/// The words of a pattern such as `.unwrap`, to look for among those of a file.
pub fn words_of(pattern: &str) -> Vec<String> {
    let scan = scan(pattern, &[], false).unwrap();
    scan.words.into_iter().map(|word| word.text).collect()
}

enum Piece {
    Word(String, usize),
    Group(Delimiter, Vec<Piece>, [usize; 2]),
}

impl Piece {
    fn is(&self, text: &str) -> bool {
        matches!(self, Self::Word(word, _) if word == text)
    }

    fn name(&self) -> Option<(&str, usize)> {
        match self {
            Self::Word(word, line) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => Some((word, *line)),
            _ => None,
        }
    }

    fn group(&self, wanted: Delimiter) -> Option<&[Self]> {
        match self {
            Self::Group(delimiter, inside, _) if *delimiter == wanted => Some(inside),
            _ => None,
        }
    }
}

/// Tokens with `::` as one word, which the lexer gives as two signs.
fn pieces(tokens: TokenStream) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut colon_waits = false;
    for token in tokens {
        let line = token.span().start().line;
        let colon_waited = std::mem::take(&mut colon_waits);
        match token {
            TokenTree::Group(group) => {
                let ends = [line, group.span_close().start().line];
                pieces.push(Piece::Group(group.delimiter(), self::pieces(group.stream()), ends));
            }
            TokenTree::Punct(sign) if sign.as_char() == ':' && colon_waited => {
                if let Some(Piece::Word(before, _)) = pieces.last_mut() {
                    before.push(':');
                }
            }
            TokenTree::Punct(sign) => {
                colon_waits = sign.as_char() == ':' && sign.spacing() == proc_macro2::Spacing::Joint;
                pieces.push(Piece::Word(sign.as_char().to_string(), line));
            }
            TokenTree::Ident(name) => pieces.push(Piece::Word(name.to_string(), line)),
            TokenTree::Literal(_) => pieces.push(Piece::Word("\"\"".to_owned(), line)),
        }
    }
    pieces
}

impl Scan {
    fn visit(&mut self, pieces: &[Piece], module: &[String], mut in_test: bool) {
        // The position of the last piece of an item under `#[cfg(test)]`, while inside one.
        let mut test_ends: Option<usize> = None;
        for (at, piece) in pieces.iter().enumerate() {
            if is_cfg_test(&pieces[at..]) {
                if pieces[at + 1].is("!") {
                    in_test = true;
                } else {
                    test_ends = Some(end_of_item(pieces, at));
                }
            }
            let in_test = in_test || test_ends.is_some_and(|end| at <= end);
            if starts_path(pieces, at) {
                self.add_paths(pieces, at, module, in_test);
            }
            match piece {
                Piece::Word(text, line) => self.words.push(Word { text: text.clone(), line: *line, in_test }),
                Piece::Group(delimiter, inside, [opens, closes]) => {
                    let (open, close) = match delimiter {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    self.words.push(Word { text: open.to_owned(), line: *opens, in_test });
                    let inner_module = match pieces[..at] {
                        [.., ref keyword, ref name] if keyword.is("mod") && *delimiter == Delimiter::Brace => {
                            name.name().map(|(name, _)| [module, &[name.to_owned()]].concat())
                        }
                        _ => None,
                    };
                    self.visit(inside, inner_module.as_deref().unwrap_or(module), in_test);
                    self.words.push(Word { text: close.to_owned(), line: *closes, in_test });
                }
            }
        }
    }

    fn add_paths(&mut self, pieces: &[Piece], at: usize, module: &[String], in_test: bool) {
        let reexported = match &pieces[..at] {
            [.., public, keyword] if keyword.is("use") && public.is("pub") => true,
            [.., public, reach, keyword] if keyword.is("use") && public.is("pub") => {
                reach.group(Delimiter::Parenthesis).is_some_and(|reach| reach[0].is("crate"))
            }
            _ => false,
        };
        let mut leaves = Vec::new();
        leaves_of(&pieces[at..], &[], false, &mut leaves);
        for Leaf { spelled, from_braces, line } in leaves {
            let leads_to = resolve(&spelled, module);
            self.paths.push(Path { spelled, leads_to, from_braces, reexported, line, in_test });
        }
    }
}

/// Whether a path starts here: a name that `::` follows, not itself the continuation of a path.
/// `crate as name` counts too, for it lets in everything under another name.
fn starts_path(pieces: &[Piece], at: usize) -> bool {
    let Some((name, _)) = pieces[at].name() else { return false };
    let continues = at > 0 && (pieces[at - 1].is("::") || pieces[at - 1].is("."));
    let followed_by = |text| pieces.get(at + 1).is_some_and(|next| next.is(text));
    !continues && (followed_by("::") || (name == "crate" && followed_by("as")))
}

struct Leaf {
    spelled: Vec<String>,
    from_braces: bool,
    line: usize,
}

/// Multiplies out `a::{b, c::{d, e}}`. Entries inside the braces are met only here, since those without a `::` start no path.
fn leaves_of(pieces: &[Piece], before: &[String], from_braces: bool, leaves: &mut Vec<Leaf>) {
    let Some(first) = pieces.first() else { return };
    if let Some(inside) = first.group(Delimiter::Brace) {
        for entry in inside.split(|piece| piece.is(",")) {
            leaves_of(entry, before, true, leaves);
        }
        return;
    }
    let (name, line) = match first {
        Piece::Word(sign, line) if sign == "*" => ("*", *line),
        _ => match first.name() {
            Some(found) => found,
            None => return,
        },
    };
    let spelled = [before, &[name.to_owned()]].concat();
    let goes_on = |next: &Piece| next.name().is_some() || next.is("*") || next.group(Delimiter::Brace).is_some();
    match &pieces[1..] {
        [colons, next, ..] if colons.is("::") && goes_on(next) => {
            leaves_of(&pieces[2..], &spelled, from_braces, leaves);
        }
        _ => leaves.push(Leaf { spelled, from_braces, line }),
    }
}

/// Where a path leads from the root of the crate; `None` for another crate's path or one of local names.
fn resolve(spelled: &[String], module: &[String]) -> Option<Vec<String>> {
    let mut place = match spelled.first()?.as_str() {
        "crate" => Vec::new(),
        "self" | "super" => module.to_vec(),
        _ => return None,
    };
    for segment in spelled {
        match segment.as_str() {
            "crate" | "self" => {}
            "super" => {
                place.pop();
            }
            name => place.push(name.to_owned()),
        }
    }
    Some(place)
}

/// Whether `#[cfg(test)]`, `#![cfg(test)]` or `#[cfg(all(test, …))]` starts here.
fn is_cfg_test(pieces: &[Piece]) -> bool {
    let inside = match pieces {
        [hash, attribute, ..] if hash.is("#") && attribute.group(Delimiter::Bracket).is_some() => attribute,
        [hash, bang, attribute, ..] if hash.is("#") && bang.is("!") => attribute,
        _ => return false,
    };
    let Some([cfg, condition]) = inside.group(Delimiter::Bracket) else { return false };
    cfg.is("cfg") && condition.group(Delimiter::Parenthesis).is_some_and(needs_test)
}

fn needs_test(condition: &[Piece]) -> bool {
    match condition {
        [test] => test.is("test"),
        [all, conditions] if all.is("all") => conditions
            .group(Delimiter::Parenthesis)
            .is_some_and(|conditions| conditions.split(|piece| piece.is(",")).any(needs_test)),
        _ => false,
    }
}

/// The position of the `;` or the closing brace of the item that starts with this attribute.
fn end_of_item(pieces: &[Piece], at: usize) -> usize {
    let ends = |piece: &Piece| piece.is(";") || piece.group(Delimiter::Brace).is_some();
    pieces[at..].iter().position(ends).map_or(pieces.len(), |more| at + more)
}
