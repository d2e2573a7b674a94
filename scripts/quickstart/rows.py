"""Rows of the quickstart set: a conversation of each case, its tools, and the ids of the templates it came from."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from scripts.quickstart.talk import Talk, fits
from scripts.quickstart.tools import Ask, Tool, fill, outcome
from scripts.quickstart.values import HERE, Language, Split, Values

CHAT: dict[str, Any] = yaml.safe_load((HERE / "chat.yaml").read_text(encoding="utf-8"))
TOOLS_SHARE = (0.35, 0.5, 0.15)  # of the rows, those that want one tool, two, three; fewer where they do not fit
# Tools that one question could be meant for stand in no row together.
ALIKE = (
    {"add_todo", "take_note", "create_event", "clear_todos", "list_events"},
    {"set_timer", "set_alarm", "remind_me"},
    {"find_contact", "call_number", "save_contact", "send_message", "send_email", "share_file"},
    {"add_to_cart", "search_product", "order_food", "find_recipe", "get_balance", "log_meal", "feed_pet"},
    {"transfer_money", "pay_bill", "convert_currency", "get_stock_price", "get_balance", "add_numbers", "donate"},
    {"book_taxi", "find_route", "check_train", "search_flights", "rent_bike", "get_location", "get_weather"},
    {"book_table", "order_food", "book_room", "book_hotel", "create_event"},
    {"translate", "define_word", "take_note", "sort_words"},
    {"random_number", "roll_dice", "square_root", "add_numbers"},
    {"get_time", "set_timer", "set_alarm"},
    {"set_thermostat", "get_weather", "air_quality", "set_light"},
    {"stop_music", "set_volume", "play_music"},
    {"track_parcel", "return_order", "apply_coupon"},
    {"compare_prices", "mix_paint", "sort_words"},
    {"print_document", "rename_folder", "report_fault"},
    {"borrow_book", "enroll_student", "post_job", "lookup_postcode", "park_car"},
)


class Writer:
    """Writes rows of one language and split from a deck of tools; every frame comes up before any comes twice."""

    def __init__(self, language: Language, split: Split, tools: Sequence[Tool], chance: random.Random) -> None:
        self.language, self.split, self.tools, self.chance = language, split, tools, chance
        self.values = Values(language, split, chance)
        self.words: dict[str, list[str]] = CHAT[language][split]
        self.by_name = {tool.name: tool for tool in tools}
        self._decks: dict[str, Iterator[tuple[Tool, str, str]]] = {}

    def one_call(self) -> dict[str, Any]:
        """One call."""
        tool, frame, template = self._next("")
        talk = Talk([tool], "one_call", [template], [])
        self._exchange(talk, tool, frame)
        return self._fit(talk)

    def failing_tool(self) -> dict[str, Any]:
        """One call whose result is an error, and the agent says so."""
        tool, frame, template = self._next("")
        talk = Talk([tool], "failing_tool", [template], [])
        ask = self._ask(talk, tool, frame)
        error, told = self.values.draw("error", {}), self._word(talk, "fail")
        talk.call((tool, ask.calls[0]))
        talk.see(json.dumps({"error": error}, ensure_ascii=False))
        talk.say(told.replace("<error>", error))
        return self._fit(talk)

    def same_tool_twice(self) -> dict[str, Any]:
        """Two calls of one tool at once."""
        tool, frame, template = self._next("both")
        talk = Talk([tool], "several_calls", [template], [])
        self._exchange(talk, tool, frame)
        return self._fit(talk)

    def two_tools(self) -> dict[str, Any]:
        """Two questions in one message, and a call for each."""
        first, frame, template = self._next("")
        second, other, template2 = next(d for d in self._deck("") if not _alike(d[0], [first]))
        talk = Talk([first, second], "several_calls", [template, template2], [])
        join = self._word(talk, "join")
        asks = fill(first, frame, self.values), fill(second, other, self.values)
        talk.user(join.replace("<a>", asks[0].question).replace("<b>", asks[1].question))
        talk.call((first, asks[0].calls[0]), (second, asks[1].calls[0]))
        self._answer(talk, [(first, asks[0].slots[0]), (second, asks[1].slots[0])])
        return self._fit(talk)

    def two_turns(self) -> dict[str, Any]:
        """A call, its answer, and a second word of the user's: a call again, or talk."""
        tool, frame, template = next(d for d in self._deck("") if d[0].params and d[0].texts.get("sees") != "")
        talk = Talk([tool], "several_calls", [template], [])
        self._exchange(talk, tool, frame)
        others = [o for o in enumerate(tool.frames("", self.split)) if o[1] != frame]
        other = self.chance.choice(others)
        talk.templates.append(self._id(tool, "", other[0]))
        self._exchange(talk, tool, other[1])
        return self._fit(talk)

    def chain(self) -> dict[str, Any]:
        """Two calls, of which the second needs what the first one gave."""
        number = self.chance.randrange(len(CHAT["chains"]))
        told = CHAT["chains"][number]
        frames = list(enumerate(told[self.language][self.split]))
        first, second = (self.by_name[name] for name in told["tools"])
        i, frame = self.chance.choice(frames)
        talk = Talk([first, second], "several_calls", [f"chain{number}.{self.language}.{self.split}.{i}"], [])
        self.chance.shuffle(talk.tools)
        ask = self._ask(talk, first, frame)
        talk.call((first, ask.calls[0]))
        sees, _, given = outcome(first, ask.slots[0], self.values)
        talk.see(sees)
        slots = {told["via"]: next(iter(given.values()))}
        talk.call((second, slots))
        self._answer(talk, [(second, slots)])
        return self._fit(talk)

    def talk(self) -> dict[str, Any]:
        """A question that the agent answers by itself."""
        frame, template = self._next_word("talk")
        question, _, answer = frame.partition(" // ")
        tool = self.chance.choice([t for t in self.tools if t.name not in ("define_word", "take_note", "get_location")])
        talk = Talk([tool], "no_tool", [template], [])
        talk.user(question)
        talk.say(answer)
        return self._fit(talk)

    def refusal(self) -> dict[str, Any]:
        """A question for a tool that the row does not offer."""
        asked, frame, template = self._next("")
        tool = self.chance.choice([t for t in self.tools if not _alike(t, [asked])])
        talk = Talk([tool], "no_tool", [template], [])
        self._ask(talk, asked, frame)
        talk.say(self._word(talk, "refuse"))
        return self._fit(talk, foreign=asked)

    def missing(self) -> dict[str, Any]:
        """A question that leaves a required argument out; in a third of training rows the user then gives it."""
        tool, frame, template = self._next("missing")
        talk = Talk([tool], "missing_argument", [template], [])
        ask = self._ask(talk, tool, frame)
        talk.say(ask.reply)
        absent = [path for path in tool.required if path not in ask.slots[0]]
        if self.split == "train" and len(absent) == 1 and tool.name != "set_light" and self.chance.random() < 0.4:
            slot = f"<{absent[0]}>"
            whole = fill(tool, slot, self.values)
            while whole.slots[0][absent[0]] in ask.slots[0].values():
                whole = fill(tool, slot, self.values)
            talk.user(whole.question + ("." if self.language == "en" else "。"))
            slots = {**ask.slots[0], **whole.slots[0]}
            talk.call((tool, _merge(ask.calls[0], whole.calls[0], tool)))
            self._answer(talk, [(tool, slots)])
        return self._fit(talk)

    def _exchange(self, talk: Talk, tool: Tool, frame: str) -> None:
        ask = self._ask(talk, tool, frame)
        talk.call(*((tool, call) for call in ask.calls))
        self._answer(talk, [(tool, slots) for slots in ask.slots])

    def _answer(self, talk: Talk, calls: Sequence[tuple[Tool, Mapping[str, Any]]]) -> None:
        if any(tool.texts.get("sees") == "" for tool, _ in calls):
            return
        outcomes = [outcome(tool, slots, self.values) for tool, slots in calls]
        talk.see(*(sees for sees, _, _ in outcomes))
        says = list(dict.fromkeys(says for _, says, _ in outcomes))
        talk.say((" " if self.language == "en" else "").join(says))

    def _ask(self, talk: Talk, tool: Tool, frame: str) -> Ask:
        ask = fill(tool, frame, self.values)
        question = ask.question
        where = self.chance.choices(("", "before", "after"), (0.6, 0.2, 0.2))[0]
        if where and not talk.messages:
            word = self._word(talk, where)
            question = word + question if where == "before" else question + word
        talk.user(question)
        return ask

    def _fit(self, talk: Talk, foreign: Tool | None = None) -> dict[str, Any]:
        """Cut the last answer from some rows, all where it would be too long, and offer more tools while they fit."""
        wanted = self.chance.choices((1, 2, 3), TOOLS_SHARE)[0]
        last = max(
            (i for i, m in enumerate(talk.messages) if m["role"] == "assistant" and "tool_calls" in m), default=-1
        )
        if last >= 0 and talk.case != "failing_tool":
            spare = wanted > len(talk.tools) or self.chance.random() < 0.7
            if spare or not fits(talk.row(), self.split):
                del talk.messages[last + 1 :]
        apart = [*talk.tools, *([foreign] if foreign else [])]
        for tool in self.chance.sample(self.tools, len(self.tools)):
            if len(talk.tools) >= wanted:
                break
            grown = {**talk.row(), "tools": [t.declared for t in (*talk.tools, tool)]}
            if not _alike(tool, [*apart, *talk.tools]) and fits(grown, self.split):
                talk.tools.insert(self.chance.randrange(len(talk.tools) + 1), tool)
        return talk.row()

    def _next(self, kind: str) -> tuple[Tool, str, str]:
        return next(self._deck(kind))

    def _deck(self, kind: str) -> Iterator[tuple[Tool, str, str]]:
        if kind not in self._decks:
            self._decks[kind] = self._cycle(
                [(t, f, self._id(t, kind, i)) for t in self.tools for i, f in enumerate(t.frames(kind, self.split))]
            )
        return self._decks[kind]

    def _cycle(self, cards: list[tuple[Tool, str, str]]) -> Iterator[tuple[Tool, str, str]]:
        while True:
            yield from self.chance.sample(cards, len(cards))

    def _id(self, tool: Tool, kind: str, number: int) -> str:
        return ".".join(filter(None, (tool.name, self.language, self.split, kind, str(number))))

    def _word(self, talk: Talk, kind: str) -> str:
        word, template = self._next_word(kind)
        talk.templates.append(template)
        return word

    def _next_word(self, kind: str) -> tuple[str, str]:
        number = self.chance.randrange(len(self.words[kind]))
        return self.words[kind][number], f"{kind}.{self.language}.{self.split}.{number}"


def _alike(tool: Tool, others: Sequence[Tool]) -> bool:
    names = {other.name for other in others}
    return tool.name in names or any(tool.name in group and names & group for group in ALIKE)


def _merge(told: Mapping[str, Any], later: Mapping[str, Any], tool: Tool) -> dict[str, Any]:
    merged = {}
    for name in tool.params:
        if isinstance(told.get(name), dict) and name in later:
            merged[name] = {**told[name], **later[name]}
        elif name in told or name in later:
            merged[name] = later.get(name, told.get(name))
    return merged
