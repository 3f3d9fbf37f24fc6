//! Text that makes the client as large as the real one, and compresses like it.
//!
//! Scripts are modules as a bundler leaves them, of minified code whose names
//! follow the distribution of words in real programs. Nothing runs them. A
//! release changes a few modules and keeps the rest, as real releases do.

use super::dice::Dice;

/// Of so many modules one changes from one release to the next.
const MODULES_PER_CHANGE: u64 = 40;

const WORDS: [&str; 96] = [
    "user",
    "meeting",
    "audio",
    "video",
    "chat",
    "message",
    "presentation",
    "page",
    "slide",
    "poll",
    "layout",
    "panel",
    "button",
    "label",
    "status",
    "state",
    "value",
    "list",
    "item",
    "index",
    "count",
    "time",
    "date",
    "device",
    "stream",
    "track",
    "media",
    "camera",
    "screen",
    "share",
    "join",
    "leave",
    "open",
    "close",
    "toggle",
    "show",
    "hide",
    "enable",
    "disable",
    "update",
    "remove",
    "create",
    "render",
    "focus",
    "select",
    "change",
    "drag",
    "size",
    "width",
    "height",
    "color",
    "theme",
    "icon",
    "avatar",
    "name",
    "role",
    "moderator",
    "viewer",
    "guest",
    "breakout",
    "room",
    "timer",
    "note",
    "cursor",
    "shape",
    "whiteboard",
    "tool",
    "menu",
    "modal",
    "toast",
    "error",
    "warning",
    "info",
    "config",
    "settings",
    "option",
    "locale",
    "intl",
    "query",
    "data",
    "result",
    "event",
    "handler",
    "listener",
    "ref",
    "props",
    "children",
    "context",
    "provider",
    "client",
    "session",
    "token",
    "connection",
    "socket",
    "request",
    "response",
];

/// Statements; `$` and a letter stand for: `p` a property, `w` a word, `n` a
/// number, `m` a module, `l` a local name, `s` a sentence, `c` a colour.
const STATEMENTS: [&str; 22] = [
    "const $l=n($m),$l$n=n($m);",
    "function $l$n(e,t){if(!e||!e.$p)return null;const{$p:r,$p:o}=e.$p;return r&&o?t(r,o.$p):void 0}",
    "const $l$n=(0,o.useCallback)((()=>{i.$p({$p:!0,$p:e.$w}),s((e=>!e))}),[e.$w,i]);",
    "(0,o.useEffect)((()=>{const e=window.addEventListener(\"$w\",$l);return()=>{window.removeEventListener(\"$w\",$l),e&&a.$p()}}),[$l.$p]);",
    "return o.createElement(a.$p,{$w:e.$p,onClick:()=>{t.$p(e.$w)},\"data-test\":\"$p\",\"aria-label\":r.formatMessage(u.$p),icon:\"$w\"},o.createElement(l.$p,null,e.$p));",
    "const u$n=(0,c.defineMessages)({$p:{id:\"app.$w.$p\",description:\"$s\"},$p:{id:\"app.$w.$p\",description:\"$s\"}});",
    "t.$p=function(e){return Object.keys(e).filter((t=>e[t].$p!==\"$w\")).map((t=>({...e[t],$w:t})))};",
    "const d$n=s.default.div.withConfig({componentId:\"sc-$p\"})([\"display:flex;padding:\",\" $nrem;color:\",\";background:$c;border-radius:$npx;\"],h.$p,h.$w);",
    "switch(e.type){case\"$p\":return{...t,$w:e.$p};case\"$p\":return{...t,$w:!t.$w};default:return t}",
    "e.exports={$p:$n,$p:\"$w\",$p:[$n,$n,$n],$w:{$p:!0,$p:!1}};",
    "class $l$n extends o.Component{constructor(e){super(e),this.state={$p:null,$w:!1},this.$p=this.$p.bind(this)}componentDidMount(){this.$p()}$p(e){const{$w:t}=this.props;this.setState({$p:e,$w:!!t})}render(){const{$p:e}=this.state;return e?o.createElement(p.$p,{...this.props}):null}}",
    "async function $l$n(e){try{const t=await fetch(e.$p,{credentials:\"include\"});return(await t.json()).$w}catch(t){return g.default.error({logCode:\"$w_$p\",extraInfo:{errorMessage:t.message}},\"$s\"),null}}",
    "const f$n=v.gql`subscription $p{$w(where:{$p:{_eq:$n}},order_by:{$p:asc}){$p $p $w{$p $p}}}`;",
    "if(e.$p>$n&&t.$p<$n)throw new TypeError(\"$s\");",
    "const{data:i,loading:a,error:u}=(0,m.default)((e=>({$p:e.$p,$w:e.$w})));if(a||u)return null;",
    "for(let e=0;e<t.length;e+=1){const n=t[e];n.$p&&r.push({$w:n.$w,$p:n.$p||\"$w\"})}",
    "Object.defineProperty(t,\"__esModule\",{value:!0}),t.default=void 0;",
    "var $l$n=\"$c\",b$n=\"M$n.5 $n.25c$n-$n 3.5-$n $n.75z\";",
    "y.propTypes={$p:w.default.func.isRequired,$p:w.default.string,$w:w.default.arrayOf(w.default.shape({})).isRequired};",
    "const k$n=(0,o.useMemo)((()=>e.$p.reduce(((e,t)=>{const n=t.$p;return e[n]=e[n]||[],e[n].push(t.$w),e}),{})),[e.$p]);",
    "_.$p(t,((e,t)=>e.$p-t.$p||e.$w.localeCompare(t.$w)));",
    "window.dispatchEvent(new CustomEvent(\"$p\",{detail:{$w:e,$p:$n}}));",
];

/// Names for properties, the common ones first.
pub(super) struct Vocabulary {
    properties: Vec<String>,
}

impl Vocabulary {
    /// The words every release shares.
    pub(super) fn new() -> Self {
        let mut dice = Dice::of("vocabulary", 0);
        let properties = (0..3_000).map(|_| {
            let mut name = dice.one_of(&WORDS).to_owned();
            for _ in 0..=dice.below(2) {
                name.push_str(&capitalised(dice.one_of(&WORDS)));
            }
            name
        });
        Self { properties: properties.collect() }
    }

    fn property(&self, dice: &mut Dice) -> &str {
        let common = dice.skewed(self.properties.len());
        &self.properties[dice.skewed(common + 1)]
    }

    /// Script of about `length` bytes: an expression that registers modules
    /// which nobody asks for.
    pub(super) fn script(&self, name: &str, patch: u16, length: usize) -> String {
        let mut text = String::with_capacity(length + 8_192);
        text.push_str("(self.webpackChunk=self.webpackChunk||[]).push([[1],{");
        let mut number = 0;
        while text.len() < length {
            let stagger = number % MODULES_PER_CHANGE;
            let revision = (u64::from(patch) + stagger) / MODULES_PER_CHANGE;
            let mut dice = Dice::of(name, number * 1_000 + revision);
            text.push_str(&(10_000 + number * 7).to_string());
            text.push_str(":(e,t,n)=>{\"use strict\";");
            // Each statement in a function of its own: names never clash, `return` is legal.
            for _ in 0..4 + dice.below(12) {
                text.push_str("(function(e,t,r){");
                self.fill(dice.one_of(&STATEMENTS), &mut dice, &mut text);
                text.push_str("});");
            }
            text.push_str("},\n");
            number += 1;
        }
        text.push_str("}]);\n");
        text
    }

    /// Style rules of about `length` bytes.
    pub(super) fn styles(&self, name: &str, length: usize) -> String {
        const RULE: &str = ".$p--$w{display:flex;padding:.$nrem;color:$c;border:1px solid $c;margin:0 $npx}\n.$p:hover>.$w{background:$c;transition:all .$ns ease-in-out}\n";
        let mut dice = Dice::of(name, 0);
        let mut text = String::with_capacity(length + 256);
        while text.len() < length {
            self.fill(RULE, &mut dice, &mut text);
        }
        text
    }

    fn fill(&self, template: &str, dice: &mut Dice, text: &mut String) {
        let mut parts = template.split('$');
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let mut rest = part.chars();
            match rest.next() {
                Some('p') => text.push_str(self.property(dice)),
                Some('w') => text.push_str(WORDS[dice.skewed(WORDS.len())]),
                Some('n') => text.push_str(&dice.skewed(100).to_string()),
                Some('m') => text.push_str(&(10_000 + dice.skewed(900) * 7).to_string()),
                Some('l') => text.push(char::from(b"abcdfghijklmopqsuvwxyz"[dice.below(22)])),
                Some('c') => text.push_str(&format!("#{:06x}", dice.skewed(0x0100_0000))),
                Some('s') => sentence(dice, text),
                _ => {}
            }
            text.push_str(rest.as_str());
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn sentence(dice: &mut Dice, text: &mut String) {
    for at in 0..4 + dice.below(5) {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[dice.skewed(WORDS.len())]);
    }
}
