//! The parser: tokens into trees, as Go's `parse/parse.go` does, with its words for what is wrong.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::{Error, ErrorKind};
use crate::lex::{Item, Kind, Lexer};
use crate::node::{Arg, ArgKind, Branch, Command, Control, List, Node, Pipe, Source, Tree};
use crate::number::{Number, NumberToken};
use crate::quote::{quote, unquote};
use crate::text::Text;

/// How deep `if`, `with`, `range`, `block` and parentheses may nest in a text. Go allows 10 000 parentheses and any
/// number of blocks; no chart comes near, and each level takes stack of ours.
const MOST_NESTED: usize = 500;

/// How many tokens all texts together may have that one set of templates parses: trees take much more memory than their
/// texts. The largest chart known has a ninth of them.
const MOST_TOKENS: u64 = 3_000_000;

/// Parses a text; `knows` says which names are functions. The trees are that of the text itself, under `name`, and those
/// that `define` and `block` name. `tokens` counts those of all texts.
pub(crate) fn parse(
    name: &str,
    text: &[u8],
    knows: &dyn Fn(&str) -> bool,
    tokens: &Cell<u64>,
) -> Result<Vec<Tree>, Error> {
    let source = Rc::new(Source { name: name.into(), text: text.into() });
    let mut shared = Shared {
        lexer: Lexer::new(text),
        source: Rc::clone(&source),
        knows,
        trees: BTreeMap::new(),
        nested: 0,
        tokens,
    };
    let mut parser = Parser::new(&mut shared);
    let root = parser.parse()?;
    parser.add(name.into(), root)?;
    Ok(shared.trees.into_values().collect())
}

/// What the parsers of all trees of a text share.
struct Shared<'t> {
    lexer: Lexer<'t>,
    source: Rc<Source>,
    knows: &'t dyn Fn(&str) -> bool,
    trees: BTreeMap<Text, Tree>,
    nested: usize,
    tokens: &'t Cell<u64>,
}

impl Shared<'_> {
    fn next_item(&mut self) -> Item {
        let mut item = self.lexer.next_item();
        self.tokens.set(self.tokens.get() + 1);
        if self.tokens.get() > MOST_TOKENS {
            item.kind = Kind::Error;
            item.text = format!("the templates have more than {MOST_TOKENS} tokens").into_bytes();
        }
        item
    }
}

/// Parses one tree: the text itself, or a `define` or `block` in it.
struct Parser<'s, 't> {
    shared: &'s mut Shared<'t>,
    /// Three tokens of look-ahead, the last one read in front.
    token: [Item; 3],
    peeked: usize,
    variables: Vec<String>,
    action_line: usize,
    range_depth: usize,
}

/// What ends a list of nodes.
enum End {
    End,
    Else { pos: usize },
}

impl End {
    fn show(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else { .. } => "{{else}}",
        }
    }
}

enum Parsed {
    Node(Node),
    End(End),
}

impl<'s, 't> Parser<'s, 't> {
    fn new(shared: &'s mut Shared<'t>) -> Self {
        let none = Item { kind: Kind::Error, pos: 0, text: Vec::new(), line: 0 };
        shared.lexer.break_ok = !(shared.knows)("break");
        shared.lexer.continue_ok = !(shared.knows)("continue");
        Self {
            shared,
            token: [none.clone(), none.clone(), none],
            peeked: 0,
            variables: vec!["$".into()],
            action_line: 0,
            range_depth: 0,
        }
    }

    fn next(&mut self) -> Item {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.token[0] = self.shared.next_item();
        }
        self.looked_at(self.peeked)
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    fn backup2(&mut self, first: Item) {
        self.token[1] = first;
        self.peeked = 2;
    }

    fn backup3(&mut self, second: Item, first: Item) {
        self.token[1] = first;
        self.token[2] = second;
        self.peeked = 3;
    }

    fn peek(&mut self) -> Item {
        if self.peeked == 0 {
            self.peeked = 1;
            self.token[0] = self.shared.next_item();
        }
        self.looked_at(self.peeked - 1)
    }

    fn looked_at(&self, at: usize) -> Item {
        self.token.get(at).expect("the parser looks at most three tokens ahead").clone()
    }

    fn next_non_space(&mut self) -> Item {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn error(&self, words: impl std::fmt::Display) -> Error {
        Error::of(ErrorKind::Parse, format!("template: {}:{}: {words}", self.shared.source.name, self.token[0].line))
    }

    fn unexpected(&self, token: &Item, context: &str) -> Error {
        if token.kind == Kind::Error {
            let mut extra = String::new();
            let words = token.lossy();
            if self.action_line != 0 && self.action_line != token.line {
                // "unclosed action" does not need to say "action" twice.
                let begin = if words.ends_with(" action") { "" } else { " in action" };
                extra = format!("{begin} started at {}:{}", self.shared.source.name, self.action_line);
            }
            return self.error(format!("{words}{extra}"));
        }
        self.error(format!("unexpected {} in {context}", token.show()))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Item, Error> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(&token, context)) }
    }

    /// Enters a level of nesting; the caller leaves it again.
    fn nest(&mut self) -> Result<(), Error> {
        self.shared.nested += 1;
        if self.shared.nested > MOST_NESTED {
            return Err(Error::limit(
                self.error(format!("more than {MOST_NESTED} levels of blocks and parentheses")).message(),
            ));
        }
        Ok(())
    }

    fn add(&mut self, name: Text, root: List) -> Result<(), Error> {
        if let Some(known) = self.shared.trees.get(&name)
            && !known.root.is_empty()
        {
            if root.is_empty() {
                return Ok(());
            }
            return Err(self.error(format!("template: multiple definition of template {}", quote(name.as_bytes()))));
        }
        let source = Rc::clone(&self.shared.source);
        self.shared.trees.insert(name.clone(), Tree { name, source, root });
        Ok(())
    }

    fn parse(&mut self) -> Result<List, Error> {
        let mut root = List { pos: self.peek().pos, nodes: Vec::new() };
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    Parser::new(self.shared).definition()?;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Parsed::Node(node) => root.nodes.push(node),
                Parsed::End(end) => return Err(self.error(format!("unexpected {}", end.show()))),
            }
        }
        Ok(root)
    }

    fn definition(&mut self) -> Result<(), Error> {
        const CONTEXT: &str = "define clause";
        let name = self.next_non_space();
        let name = self.template_name(&name, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (root, end) = self.item_list()?;
        if !matches!(end, End::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.show())));
        }
        self.add(name, root)
    }

    fn item_list(&mut self) -> Result<(List, End), Error> {
        let mut list = List { pos: self.peek_non_space().pos, nodes: Vec::new() };
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Parsed::Node(node) => list.nodes.push(node),
                Parsed::End(end) => return Ok((list, end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Parsed, Error> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Parsed::Node(Node::Text { pos: token.pos, text: token.text.into() })),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let parsed = self.action()?;
                self.action_line = 0;
                Ok(parsed)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Parsed, Error> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.loop_control("{{break}}")?;
                Node::Break { pos: token.pos }
            }
            Kind::Continue => {
                self.loop_control("{{continue}}")?;
                Node::Continue { pos: token.pos }
            }
            Kind::Else => return self.else_control(),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Parsed::End(End::End));
            }
            Kind::If => self.control(Control::If)?,
            Kind::Range => self.control(Control::Range)?,
            Kind::With => self.control(Control::With)?,
            Kind::Template => self.template()?,
            _ => {
                self.backup();
                let pos = self.peek().pos;
                Node::Action { pos, pipe: self.pipeline("command", Kind::RightDelim)? }
            }
        };
        Ok(Parsed::Node(node))
    }

    fn loop_control(&mut self, context: &str) -> Result<(), Error> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(&token, context));
        }
        if self.range_depth == 0 {
            return Err(self.error(format!("{context} outside {{{{range}}}}")));
        }
        Ok(())
    }

    fn else_control(&mut self) -> Result<Parsed, Error> {
        let peeked = self.peek_non_space();
        if matches!(peeked.kind, Kind::If | Kind::With) {
            return Ok(Parsed::End(End::Else { pos: peeked.pos }));
        }
        let token = self.expect(Kind::RightDelim, "else")?;
        Ok(Parsed::End(End::Else { pos: token.pos }))
    }

    fn control(&mut self, control: Control) -> Result<Node, Error> {
        self.nest()?;
        let visible = self.variables.len();
        let context = match control {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        };
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let is_range = control == Control::Range;
        self.range_depth += usize::from(is_range);
        let (list, end) = self.item_list()?;
        self.range_depth -= usize::from(is_range);
        let otherwise = match end {
            End::End => None,
            End::Else { pos } => {
                // `{{else if}}` reads as `{{else}}{{if}}` and shares its `{{end}}`.
                let next = self.peek().kind;
                if (control == Control::If && next == Kind::If) || (control == Control::With && next == Kind::With) {
                    self.next();
                    Some(List { pos, nodes: vec![self.control(control)?] })
                } else {
                    let (list, end) = self.item_list()?;
                    if !matches!(end, End::End) {
                        return Err(self.error(format!("expected end; found {}", end.show())));
                    }
                    Some(list)
                }
            }
        };
        self.variables.truncate(visible);
        self.shared.nested -= 1;
        Ok(Node::Branch(Box::new(Branch { control, pipe, list, otherwise })))
    }

    fn block(&mut self) -> Result<Node, Error> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        self.nest()?;
        let mut block = Parser::new(self.shared);
        let (root, end) = block.item_list()?;
        if !matches!(end, End::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.show())));
        }
        block.add(name.clone(), root)?;
        self.shared.nested -= 1;
        Ok(Node::Template { pos: token.pos, name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Result<Node, Error> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(Node::Template { pos: token.pos, name, pipe })
    }

    fn template_name(&self, token: &Item, context: &str) -> Result<Text, Error> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return Err(self.unexpected(token, context));
        }
        unquote(&token.text).map(Text::from).ok_or_else(|| self.error("invalid syntax"))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, Error> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, is_assign: false, variables: Vec::new(), commands: Vec::new() };
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                break;
            }
            self.next();
            // A space is a token: in "$x foo" the token after the variable has to be put back as well.
            let adjacent = self.peek();
            let next = self.peek_non_space();
            let is_comma = next.kind == Kind::Char && next.text == b",";
            if matches!(next.kind, Kind::Assign | Kind::Declare) || is_comma {
                self.next_non_space();
                if !is_comma {
                    pipe.is_assign = next.kind == Kind::Assign;
                }
                pipe.variables.push(variable.lossy());
                self.variables.push(variable.lossy());
                if !is_comma {
                    break;
                }
                if context == "range" && pipe.variables.len() < 2 {
                    match self.peek_non_space().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                        _ => return Err(self.error("range can only initialize variables")),
                    }
                }
                return Err(self.error(format!("too many declarations in {context}")));
            }
            if adjacent.kind == Kind::Space {
                self.backup3(variable, adjacent);
            } else {
                self.backup2(variable);
            }
            break;
        }
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Result<(), Error> {
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (at, command) in pipe.commands.iter().enumerate().skip(1) {
            if matches!(
                command.args.first().map(|first| &first.kind),
                Some(ArgKind::Bool(_) | ArgKind::Dot | ArgKind::Nil | ArgKind::Number { .. } | ArgKind::String { .. })
            ) {
                return Err(self.error(format!("non executable command in pipeline stage {}", at + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, Error> {
        let mut command = Command { pos: self.peek_non_space().pos, args: Vec::new() };
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if command.args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Arg>, Error> {
        let Some(term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let pos = self.peek().pos;
        let mut added = Vec::new();
        while self.peek().kind == Kind::Field {
            added.push(field_name(&self.next().lossy()));
        }
        let kind = match term.kind {
            ArgKind::Field(mut fields) => {
                fields.append(&mut added);
                ArgKind::Field(fields)
            }
            ArgKind::Variable(mut names) => {
                names.append(&mut added);
                ArgKind::Variable(names)
            }
            ArgKind::Bool(_) | ArgKind::String { .. } | ArgKind::Number { .. } | ArgKind::Nil | ArgKind::Dot => {
                return Err(self.error(format!("unexpected . after term {}", quote(term.to_string().as_bytes()))));
            }
            _ => ArgKind::Chain { of: Box::new(term), fields: added },
        };
        Ok(Some(Arg { pos, kind }))
    }

    fn term(&mut self) -> Result<Option<Arg>, Error> {
        let token = self.next_non_space();
        let text = token.lossy();
        let kind = match token.kind {
            Kind::Identifier => {
                if !(self.shared.knows)(&text) {
                    return Err(self.error(format!("function {} not defined", quote(&token.text))));
                }
                ArgKind::Identifier(text)
            }
            Kind::Dot => ArgKind::Dot,
            Kind::Nil => ArgKind::Nil,
            Kind::Variable => {
                if !self.variables.contains(&text) {
                    return Err(self.error(format!("undefined variable {}", quote(&token.text))));
                }
                ArgKind::Variable(vec![text])
            }
            Kind::Field => ArgKind::Field(vec![field_name(&text)]),
            Kind::Bool => ArgKind::Bool(token.text == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = Number::parse(
                    &text,
                    match token.kind {
                        Kind::CharConstant => NumberToken::Character,
                        Kind::Complex => NumberToken::Complex,
                        _ => NumberToken::Plain,
                    },
                )
                .map_err(|words| self.error(words))?;
                ArgKind::Number { text, number }
            }
            Kind::LeftParen => {
                self.nest()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.shared.nested -= 1;
                return Ok(Some(Arg { pos: pipe.pos, kind: ArgKind::Pipe(pipe) }));
            }
            Kind::String | Kind::RawString => {
                let unquoted = unquote(&token.text).ok_or_else(|| self.error("invalid syntax"))?;
                ArgKind::String { quoted: token.text.into(), text: unquoted.into() }
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Arg { pos: token.pos, kind }))
    }
}

/// The name in the token `.name`.
fn field_name(token: &str) -> String {
    token.strip_prefix('.').unwrap_or(token).to_owned()
}
