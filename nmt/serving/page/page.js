"use strict";

// What the page says. One language has what all have; JSON, so that tools can read it.
const TEXTS = {
  "en": {
    "lead": "Your own translator, on your own machine",
    "languages": "Languages", "from": "From", "to": "Into",
    "detect": "Detect language", "detected": "{language} (detected)",
    "swap": "Swap languages and texts", "swapHint": "Swap languages and texts; with Shift the languages alone",
    "source": "Text to translate", "placeholder": "Type or paste text, or drop a file",
    "result": "Translation", "editing": "Your translation",
    "file": "Translate a file", "drop": "A file comes back translated: {formats}",
    "fileWorks": "{name} is being translated …", "fileReady": "Translated:",
    "clear": "Clear", "copy": "Copy", "copied": "Copied",
    "edit": "Improve", "keep": "Keep this", "cancel": "Cancel", "kept": "Kept: from now on this is the translation.",
    "uneven": "Not kept: the translation must have as many lines as the text.",
    "sure": "{percent} % sure", "own": "kept translation",
    "words": "Words the translator is less sure of:", "fair": "fairly sure", "unsure": "unsure",
    "ways": "Other ways to go on from “{word}”", "none": "No other way was found here.",
    "notes": "Notes", "memory": "Similar, translated before ({percent} %)",
    "term": "Terms", "missing": "Terms that are not used",
    "attention": "What each word was translated from",
    "attentionHint": "Per cent of the attention that each word of the translation pays to each word of the text.",
    "keys": "Keyboard", "keyNow": "Translate now", "keyWords": "From word to word of the translation",
    "keyOpen": "Other ways to go on from a word", "keyChoose": "Choose one of them", "keyClose": "Close, or end editing",
    "key": "Key of this server", "offline": "The server does not answer."
  },
  "de": {
    "lead": "Der eigene Übersetzer, auf dem eigenen Rechner",
    "languages": "Sprachen", "from": "Von", "to": "In",
    "detect": "Sprache erkennen", "detected": "{language} (erkannt)",
    "swap": "Sprachen und Texte tauschen", "swapHint": "Sprachen und Texte tauschen; mit Umschalt nur die Sprachen",
    "source": "Text zum Übersetzen", "placeholder": "Text eingeben oder einfügen, oder eine Datei hierher ziehen",
    "result": "Übersetzung", "editing": "Deine Übersetzung",
    "file": "Datei übersetzen", "drop": "Eine Datei kommt übersetzt zurück: {formats}",
    "fileWorks": "{name} wird übersetzt …", "fileReady": "Übersetzt:",
    "clear": "Leeren", "copy": "Kopieren", "copied": "Kopiert",
    "edit": "Verbessern", "keep": "So behalten", "cancel": "Abbrechen", "kept": "Behalten: Das ist ab jetzt die Übersetzung.",
    "uneven": "Nicht behalten: Die Übersetzung muss so viele Zeilen haben wie der Text.",
    "sure": "zu {percent} % sicher", "own": "behaltene Übersetzung",
    "words": "Wörter, bei denen der Übersetzer weniger sicher ist:", "fair": "ziemlich sicher", "unsure": "unsicher",
    "ways": "Ab „{word}“ geht es auch anders", "none": "Hier wurde nichts anderes gefunden.",
    "notes": "Hinweise", "memory": "Ähnlich, schon übersetzt ({percent} %)",
    "term": "Fachwörter", "missing": "Fachwörter, die fehlen",
    "attention": "Woraus jedes Wort übersetzt wurde",
    "attentionHint": "Wie viel Prozent der Aufmerksamkeit jedes Wort der Übersetzung jedem Wort des Textes schenkt.",
    "keys": "Tastatur", "keyNow": "Sofort übersetzen", "keyWords": "Von Wort zu Wort der Übersetzung",
    "keyOpen": "Wie es ab einem Wort anders geht", "keyChoose": "Davon eines wählen", "keyClose": "Schließen, oder das Bearbeiten beenden",
    "key": "Schlüssel dieses Servers", "offline": "Der Server antwortet nicht."
  },
  "ja": {
    "lead": "自分のマシンで動く、自分だけの翻訳機",
    "languages": "言語", "from": "翻訳元", "to": "翻訳先",
    "detect": "言語を検出", "detected": "{language}（検出）",
    "swap": "言語とテキストを入れ替える", "swapHint": "言語とテキストを入れ替える（Shift で言語のみ）",
    "source": "翻訳するテキスト", "placeholder": "テキストを入力するか貼り付けるか、ファイルをドロップ",
    "result": "翻訳", "editing": "あなたの翻訳",
    "file": "ファイルを翻訳", "drop": "ファイルを翻訳して返します: {formats}",
    "fileWorks": "{name} を翻訳しています…", "fileReady": "翻訳済み:",
    "clear": "消去", "copy": "コピー", "copied": "コピーしました",
    "edit": "直す", "keep": "これを残す", "cancel": "キャンセル", "kept": "保存しました。今後はこの翻訳を使います。",
    "uneven": "保存できません。翻訳の行数を原文と同じにしてください。",
    "sure": "確信度 {percent} %", "own": "保存された翻訳",
    "words": "確信度の低い単語:", "fair": "やや確か", "unsure": "不確か",
    "ways": "「{word}」からの別の訳し方", "none": "ここには別の訳し方が見つかりません。",
    "notes": "参考", "memory": "似た過去の翻訳（{percent} %）",
    "term": "用語", "missing": "使われていない用語",
    "attention": "各単語がどこから訳されたか",
    "attentionHint": "翻訳の各単語が、原文の各単語に向けた注意の割合（％）です。",
    "keys": "キーボード", "keyNow": "すぐに翻訳", "keyWords": "翻訳の単語間を移動",
    "keyOpen": "その単語からの別の訳し方", "keyChoose": "その中から選ぶ", "keyClose": "閉じる、編集をやめる",
    "key": "このサーバーのキー", "offline": "サーバーが応答しません。"
  }
};
const FAIR = 80, UNSURE = 50; // words below these per cent are marked
const SHOWN = 5; // alternatives
const LONGEST_HASH = 2000; // characters of a text that the address keeps
const SHORTCUTS = [["Ctrl+Enter", "keyNow"], ["← →", "keyWords"], ["Enter", "keyOpen"], ["Alt+1 … 5", "keyChoose"], ["Esc", "keyClose"]];

const locale = navigator.languages.map(each => each.slice(0, 2)).find(each => each in TEXTS) || "en";
const names = new Intl.DisplayNames([locale], {type: "language"});
const $ = id => document.getElementById(id);

let languages = []; // of GET /languages
let settings = {};
let answer = null; // the translation that is shown: text, segments, tail
let turn = 0; // of the last question: answers to former ones are dropped
let asked = new AbortController();
let timer = 0;
let open = null; // the word whose alternatives are shown, and these
let pressed = null; // the question for the alternatives of the word that is pressed

// Texts and elements.

function t(key, values = {}) {
  return TEXTS[locale][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function show(id, visible) {
  $(id).hidden = !visible;
}

function say(message, isError = false, ...more) {
  $("status").className = isError ? "error" : "";
  $("status").replaceChildren(message, ...more);
}

// The server.

async function request(path, options) {
  let response, body;
  try {
    response = await fetch(path, options);
    body = await response.json();
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error(t("offline"));
  }
  if (!response.ok) throw Object.assign(new Error(body.error || response.statusText), {status: response.status});
  return body;
}

function post(path, fields, signal) {
  if ($("key").value) fields.api_key = $("key").value;
  const headers = {"Content-Type": "application/json"};
  return request(path, {method: "POST", headers, body: JSON.stringify(fields), signal});
}

function pair() {
  return {source: $("from").value, target: $("to").value};
}

// Of the text that is translated: a part of it alone might be taken for another language.
function translatedPair() {
  const source = $("from").value === "auto" && answer?.detected || $("from").value;
  return {source, target: $("to").value};
}

// Languages.

function nameOf(language) {
  try {
    return names.of(language.code);
  } catch {
    return language.name;
  }
}

function sources() {
  return languages.filter(each => each.targets.length);
}

function fillLanguages(source, target) {
  const options = sources().map(each => new Option(nameOf(each), each.code));
  if (options.length > 1) options.unshift(new Option(t("detect"), "auto"));
  $("from").replaceChildren(...options);
  choose($("from"), source);
  fillTargets(target);
}

function fillTargets(target) {
  const source = $("from").value;
  const from = sources().filter(each => source === "auto" || each.code === source);
  const codes = new Set(from.flatMap(each => each.targets));
  const reached = languages.filter(each => codes.has(each.code));
  const former = $("to").value;
  $("to").replaceChildren(...reached.map(each => new Option(nameOf(each), each.code)));
  choose($("to"), target || former);
  $("swap").disabled = !swapped();
}

function choose(select, code) {
  if ([...select.options].some(each => each.value === code)) select.value = code;
}

function swapped() {
  const source = $("from").value === "auto" ? answer?.detected || sources().find(each => each.targets.includes($("to").value))?.code : $("from").value;
  const back = languages.find(each => each.code === $("to").value);
  return back?.targets.includes(source) ? [back.code, source] : null;
}

function swap(event) {
  const codes = swapped();
  if (!codes) return;
  if (answer && !event.shiftKey) $("text").value = translation();
  fillLanguages(...codes);
  changed(0);
}

function showDetected() {
  const auto = [...$("from").options].find(each => each.value === "auto");
  const found = languages.find(each => each.code === answer?.detected);
  if (auto) auto.text = found ? t("detected", {language: nameOf(found)}) : t("detect");
  $("swap").disabled = !swapped();
}

// The address keeps what is asked for.

function readHash() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const first = settings.language;
  fillLanguages(fields.get("source") || first?.source.code, fields.get("target") || first?.target.code);
  $("text").value = fields.get("text") || "";
  changed(0);
}

function writeHash() {
  const fields = new URLSearchParams(pair());
  const text = $("text").value;
  if (text && text.length <= LONGEST_HASH) fields.set("text", text);
  history.replaceState(null, "", "#" + fields);
}

// Translating.

function changed(wait = settings.frontendTimeout) {
  const text = $("text").value;
  mark(null);
  closeChoices();
  showCount(Array.from(text).length);
  $("clear").disabled = !text;
  clearTimeout(timer);
  asked.abort();
  turn++;
  $("output").classList.toggle("stale", Boolean(answer));
  if (text.trim()) timer = setTimeout(translate, wait);
  else {
    showAnswer(null);
    writeHash();
    show("busy", false);
  }
}

// The limit is told when it is near.
function showCount(count) {
  const limit = settings.charLimit;
  const numbers = limit > 0 && count > 0.8 * limit ? [count, limit] : [count];
  $("count").textContent = count ? numbers.map(each => each.toLocaleString(locale)).join(" / ") : "";
}

async function translate() {
  clearTimeout(timer);
  const text = $("text").value;
  if (!text.trim()) return;
  await asking(async isLast => {
    writeHash();
    const found = await post("translate", {q: text, ...pair(), details: true}, asked.signal);
    if (!isLast()) return;
    say("");
    showAnswer(parsed(text, found));
  });
}

// Asks the server in place of what was asked before. own: the controller of what is asked already.
async function asking(work, own = new AbortController()) {
  const mine = ++turn;
  const isLast = () => mine === turn;
  if (asked !== own) asked.abort();
  asked = own;
  show("busy", true);
  try {
    await work(isLast);
  } catch (error) {
    if (isLast() && error.name !== "AbortError") say(error.message, true);
  } finally {
    if (isLast()) show("busy", false);
  }
}

// An answer in segments, each with the text before it: so one of them can be exchanged.
function parsed(source, found) {
  const letters = Array.from(source);
  const written = Array.from(found.translatedText);
  let end = 0;
  const segments = found.details.map(each => {
    const before = written.slice(end, each.target.start).join("");
    end = each.target.end;
    return {...each, before, source: side(letters, each.source), target: side(written, each.target)};
  });
  return {source, segments, tail: written.slice(end).join(""), detected: found.detectedLanguage?.language};
}

// Places are counted from the start of the segment, in characters.
function side(letters, {start, end, words}) {
  return {start, letters: letters.slice(start, end), words: words.map(([first, last]) => [first - start, last - start])};
}

function translation() {
  return answer.segments.map(each => each.before + each.target.letters.join("")).join("") + answer.tail;
}

function showAnswer(next) {
  answer = next;
  closeChoices();
  stopEditing();
  showDetected();
  const output = $("output");
  output.classList.remove("stale");
  const words = (answer?.segments || []).flatMap(segment => [segment.before, ...wordsOf(segment)]);
  output.replaceChildren(...words, answer?.tail || "");
  const first = output.querySelector(".word");
  if (first) first.tabIndex = 0;
  $("spoken").textContent = answer ? translation() : "";
  show("copy", answer);
  show("edit", answer && settings.suggestions);
  const own = answer?.segments.length && answer.segments.every(each => each.corrected);
  // A text is as sure as its worst segment.
  const known = (answer?.segments || []).map(each => each.confidence).filter(each => each !== null);
  show("sure", known.length);
  $("sure").textContent = own ? t("own") : t("sure", {percent: Math.min(...known)});
  show("legend", output.querySelector(".fair, .unsure"));
  showNotes();
  show("map", answer?.segments.some(each => each.attention.length));
  const mapped = answer?.segments.find(each => each.attention.length);
  if (mapped) showMap(mapped);
}

function wordsOf(segment) {
  const {letters, words} = segment.target;
  const nodes = [];
  let end = 0;
  words.forEach(([start, stop], number) => {
    nodes.push(letters.slice(end, start).join(""));
    const sure = segment.wordConfidence[number];
    const level = sure === null || sure >= FAIR ? "" : sure < UNSURE ? "unsure" : "fair";
    const text = letters.slice(start, stop).join("");
    const word = element("span", {className: `word ${level}`, role: "button", tabIndex: -1, textContent: text});
    if (level) {
      word.title = t("sure", {percent: sure});
      word.ariaLabel = `${text}, ${t("sure", {percent: sure})}`;
    }
    word.place = {segment, number};
    nodes.push(word);
    end = stop;
  });
  return [...nodes, letters.slice(end).join("")];
}

function showNotes() {
  const segments = answer?.segments || [];
  const notes = segments.flatMap(({matches, warnings}) => [
    ...matches.map(each => note(t("memory", {percent: each.similarity}), each.source, each.target)),
    ...warnings.map(each => note("", each)),
  ]);
  for (const used of [true, false]) {
    const terms = segments.flatMap(each => each.terms).filter(each => each.used === used);
    const distinct = new Set(terms.map(each => each.target));
    if (distinct.size) notes.push(note(t(used ? "term" : "missing"), [...distinct].join(" · ")));
  }
  $("notes").replaceChildren(...notes);
  show("notes", notes.length);
}

function note(title, ...lines) {
  const paragraphs = lines.map(each => element("p", {textContent: each, dir: "auto"}));
  if (title) paragraphs.unshift(element("h3", {textContent: title}));
  return element("div", {className: "note"}, ...paragraphs);
}

// Attention: marks in the text, and the table.

function mark(place) {
  const text = $("text").value;
  const nodes = [];
  let end = 0;
  if (place && answer?.source === text) {
    const {source, attention} = place.segment;
    const all = Array.from(text);
    source.words.forEach(([start, stop], number) => {
      const share = attention[place.number]?.[number] || 0;
      if (share < 0.05) return;
      const marked = element("mark", {textContent: all.slice(source.start + start, source.start + stop).join("")});
      marked.style.setProperty("--a", share);
      nodes.push(all.slice(end, source.start + start).join(""), marked);
      end = source.start + stop;
    });
    nodes.push(all.slice(end).join(""));
  } else nodes.push(text);
  $("mirror").replaceChildren(...nodes, "\n\u200b");
}

function showMap(segment) {
  if (!segment.attention.length || $("table").segment === segment) return;
  $("table").segment = segment;
  const texts = ({letters, words}) => words.map(([start, stop]) => letters.slice(start, stop).join(""));
  const head = texts(segment.source).map(each => element("th", {scope: "col", textContent: each}));
  const rows = texts(segment.target).map((word, number) => {
    const cells = segment.attention[number].map(share => {
      const cell = element("td", {textContent: share >= 0.01 ? Math.round(100 * share) : ""});
      cell.style.setProperty("--a", share);
      return cell;
    });
    return element("tr", {}, element("th", {scope: "row", textContent: word}), ...cells);
  });
  $("table").replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, element("td"), ...head)), element("tbody", {}, ...rows)));
}

// Alternatives: first the words, then the translations that go on from them.

async function openChoices(word, chosen = 0) {
  if (isStale()) return;
  // Asked first: what the page changes meanwhile takes no time.
  const opened = [open, pressed].find(each => each?.word === word) || ask(word);
  pressed = null;
  if (open !== opened) closeChoices();
  else if (!chosen && !$("choices").hidden) return focusChoices();
  open = opened;
  word.classList.add("open");
  await asking(async isLast => {
    try {
      const {alternatives} = await opened.answer;
      if (!isLast() || open !== opened) return;
      const {rest} = opened;
      opened.list = alternatives.filter(each => each.word !== word.textContent && !beginsWithWord(rest, each.word));
    } catch (error) {
      // So that the next click asks again.
      if (open === opened) closeChoices();
      throw error;
    }
    if (chosen) return choice(chosen);
    showChoices();
    for (const each of await goOn(opened, opened.list)) {
      each.coming.replaceWith(each.found.translatedText.slice(each.text.length));
    }
  }, opened.controller);
}

// Sends the question for the alternatives of a word.
function ask(word) {
  const {segment, number} = word.place;
  const place = segment.target.words[number][0];
  const [prefix, rest] = [[0, place], [place]].map(range => segment.target.letters.slice(...range).join(""));
  const query = segment.source.letters.join("");
  const controller = new AbortController();
  const answer = post("alternatives", {q: query, ...translatedPair(), prefix, limit: SHOWN}, controller.signal);
  return {word, segment, query, rest, controller, answer, list: []};
}

// A press takes longer than the answer: that is there at the click.
function press({target, button, isPrimary}) {
  drop();
  if (button || !isPrimary || !target.place || target === open?.word || isStale()) return;
  pressed = ask(target);
  // There may be no click.
  pressed.answer.catch(() => {});
}

// Gives up what was asked at a press: there is no click when one scrolls, or selects text.
function drop() {
  pressed?.controller.abort();
  pressed = null;
}

function isStale() {
  return $("output").classList.contains("stale");
}

// White space does not part all words: signs stand at them.
function beginsWithWord(text, word) {
  return text.startsWith(word) && !/^[\p{L}\p{M}\p{N}_'’-]/u.test(text.slice(word.length));
}

// The list, each with the translation that goes on from it.
async function goOn({query}, list) {
  if (!list.length) return list;
  const prefix = list.map(each => each.text);
  const {translatedText, details} = await post("translate", {q: query, ...translatedPair(), prefix, wholeWord: true, details: true}, asked.signal);
  return list.map((each, n) => Object.assign(each, {found: {translatedText: translatedText[n], details: details[n]}}));
}

function showChoices() {
  const {word, list} = open;
  // About as long as what is coming, so that nothing moves then.
  const rest = open.rest.slice(word.textContent.length);
  const label = t(list.length ? "ways" : "none", {word: word.textContent});
  $("choices-label").textContent = label;
  $("list").replaceChildren(...list.map((each, number) => {
    each.coming = element("span", {className: "coming", textContent: rest});
    const text = element("span", {dir: "auto"}, element("b", {textContent: each.word}), each.coming);
    const share = element("span", {className: "share", textContent: each.probability < 0.01 ? "< 1 %" : `${Math.round(100 * each.probability)} %`});
    const button = element("button", {type: "button"}, element("kbd", {textContent: number + 1}), text, share);
    button.onclick = () => choice(number + 1);
    return element("li", {}, button);
  }));
  show("choices", true);
  focusChoices();
  if (!list.length) $("spoken").textContent = label;
}

// A screen reader reads what is focused.
function focusChoices() {
  $("list").querySelector("button")?.focus();
}

// The rest of the segment is what goes on from the word that was chosen.
async function choice(number) {
  const {word, segment, query, list} = open || {};
  const chosen = list?.[number - 1];
  if (!chosen) return;
  await asking(async isLast => {
    if (!chosen.found) await goOn({query}, [chosen]);
    if (!isLast() || !open) return;
    const [other] = parsed(query, chosen.found).segments;
    other.before = segment.before;
    other.source.start = segment.source.start;
    answer.segments[answer.segments.indexOf(segment)] = other;
    showAnswer(answer);
    focusWord([...$("output").querySelectorAll(".word")].filter(each => each.place.segment === other)[word.place.number]);
  });
}

function closeChoices() {
  open?.word.classList.remove("open");
  open = null;
  mark(null);
  show("choices", false);
}

function focusWord(word) {
  if (!word) return;
  $("output").querySelectorAll("[tabindex='0']").forEach(each => { each.tabIndex = -1; });
  word.tabIndex = 0;
  word.focus();
}

// Editing, copying, files.

function startEditing() {
  closeChoices();
  $("edited").value = translation();
  $("edited").style.minHeight = `${$("output").offsetHeight}px`;
  editing(true);
  $("edited").focus();
}

function stopEditing() {
  editing(false);
}

function editing(is) {
  for (const id of ["edited", "keep", "cancel"]) show(id, is);
  for (const id of ["output", "copy"]) show(id, !is && (answer || id === "output"));
  show("edit", !is && answer && settings.suggestions);
}

async function keep() {
  const fields = {q: answer.source, s: $("edited").value, ...pair()};
  try {
    await post("suggest", fields);
    await translate();
    say(t("kept"));
    $("edit").focus();
  } catch (error) {
    // Asked afterwards, as the server takes some texts of several lines as a whole.
    const isUneven = error.status === 400 && lineCount(fields.q) !== lineCount(fields.s);
    say(isUneven ? t("uneven") : error.message, true);
  }
}

function lineCount(text) {
  return text.split("\n").filter(each => each.trim()).length;
}

async function copy() {
  try {
    await navigator.clipboard.writeText(translation());
  } catch {
    // Pages that came without TLS from another machine have no clipboard.
    getSelection().selectAllChildren($("output"));
    document.execCommand("copy");
  }
  say(t("copied"));
}

async function translateFile(file) {
  if (!file) return;
  const form = new FormData();
  const fields = {...pair(), ...($("key").value ? {api_key: $("key").value} : {})};
  Object.entries(fields).forEach(each => form.append(...each));
  form.append("file", file);
  say(t("fileWorks", {name: file.name}));
  show("busy", true);
  try {
    const {translatedFileUrl} = await request("translate_file", {method: "POST", body: form});
    // The path alone: behind a proxy the server may know another name of itself.
    const href = translatedFileUrl.slice(translatedFileUrl.lastIndexOf("download_file/"));
    const link = element("a", {href, download: file.name, textContent: file.name});
    say(t("fileReady"), false, " ", link);
    link.click();
  } catch (error) {
    say(error.message, true);
  } finally {
    show("busy", false);
    $("file").value = "";
  }
}

// Events.

function onKey(event) {
  const digit = /^Digit([1-5])$/.exec(event.code);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (!$("edited").hidden) keep();
    else translate();
  } else if (event.altKey && digit) {
    event.preventDefault();
    if (open?.list.length) choice(Number(digit[1]));
    else {
      const word = document.activeElement.place ? document.activeElement : $("output").querySelector(".word");
      if (word) openChoices(word, Number(digit[1]));
    }
  } else if (event.key === "Escape") {
    if (!$("edited").hidden) {
      stopEditing();
      $("edit").focus();
    } else if (open) {
      const {word} = open;
      asked.abort();
      closeChoices();
      focusWord(word);
    }
  }
}

function onClick({target}) {
  if (!target.place) return;
  const isOpen = target === open?.word;
  openChoices(target);
  if (!isOpen) focusWord(target);
}

function onWordKey(event) {
  const word = event.target;
  if (!word.place) return;
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  if (step) {
    const words = [...$("output").querySelectorAll(".word")];
    // In lines from right to left, the arrow to the left goes on.
    const sign = event.key.endsWith("t") && getComputedStyle($("output")).direction === "rtl" ? -1 : 1;
    focusWord(words[words.indexOf(word) + step * sign]);
    event.preventDefault();
  } else if ((event.key === "Enter" && !event.ctrlKey) || event.key === " ") {
    openChoices(word);
    event.preventDefault();
  }
}

function onListKey(event) {
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!step) return;
  const buttons = [...$("list").querySelectorAll("button")];
  buttons[buttons.indexOf(document.activeElement) + step]?.focus();
  event.preventDefault();
}

function watchWords(event) {
  const {place} = event.target;
  mark(place || open?.word.place);
  if (place) showMap(place.segment);
}

function listen() {
  $("text").oninput = () => changed();
  $("from").onchange = () => { fillTargets(); changed(0); };
  $("to").onchange = () => { showDetected(); changed(0); };
  $("swap").onclick = swap;
  $("clear").onclick = () => { $("text").value = ""; changed(0); $("text").focus(); };
  $("copy").onclick = copy;
  $("edit").onclick = startEditing;
  $("cancel").onclick = () => { stopEditing(); $("edit").focus(); };
  $("keep").onclick = keep;
  $("choose").onclick = () => $("file").click();
  $("file").onchange = event => translateFile(event.target.files[0]);
  $("key").onchange = () => changed(0);
  $("output").onclick = onClick;
  document.onpointerdown = press;
  document.onpointerup = event => { if (event.target !== pressed?.word) drop(); };
  document.onpointercancel = drop;
  $("output").onkeydown = onWordKey;
  for (const name of ["mouseover", "focusin"]) $("output").addEventListener(name, watchWords);
  for (const name of ["mouseleave", "focusout"]) $("output").addEventListener(name, () => mark(open?.word.place));
  $("list").onkeydown = onListKey;
  document.onkeydown = onKey;
  window.onhashchange = readHash;
  document.ondragover = event => {
    event.preventDefault();
    document.body.classList.add("dragging");
  };
  document.ondragleave = event => { if (!event.relatedTarget) document.body.classList.remove("dragging"); };
  document.ondrop = event => {
    document.body.classList.remove("dragging");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    translateFile(event.dataTransfer.files[0]);
  };
}

function translatePage() {
  document.documentElement.lang = locale;
  const values = {formats: (settings.supportedFilesFormat || []).join(" ")};
  const targets = {text: "textContent", label: "ariaLabel", title: "title", placeholder: "placeholder"};
  for (const [name, property] of Object.entries(targets))
    for (const each of document.querySelectorAll(`[data-${name}]`)) each[property] = t(each.dataset[name], values);
  $("shortcuts").replaceChildren(...SHORTCUTS.flatMap(([keys, text]) => [
    element("dt", {}, element("kbd", {textContent: keys})), element("dd", {textContent: t(text)}),
  ]));
}

async function start() {
  translatePage();
  listen();
  try {
    [languages, settings] = await Promise.all([request("languages"), request("frontend/settings")]);
  } catch (error) {
    say(error.message, true);
    return;
  }
  translatePage();
  $("file").accept = settings.supportedFilesFormat.join(",");
  show("choose", settings.filesTranslation);
  show("key-row", settings.apiKeys);
  readHash();
}

start();
