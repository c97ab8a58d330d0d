"""Fixtures that ask the client something: on the open stream in the 2025 protocol, over several rounds in that of 2026."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
)  # fmt: skip

from tests.conformance.answers import result, text


def properties(**types: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": t} for name, t in types.items()}, "required": list(types)}


def form(message: str, **types: str) -> ElicitRequest:
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=properties(**types)))


def sample(prompt: str) -> CreateMessageRequest:
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[spoken(prompt)], max_tokens=100))


def spoken(prompt: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=text(prompt))


NAME, CONFIRM = form("What is your name?", name="string"), form("Please confirm", ok="boolean")
ROOTS = ListRootsRequest()

#: Tool -> what it asks for, round by round.
ROUNDS: dict[str, tuple[dict[str, Any], ...]] = {
    "test_input_required_result_elicitation": ({"user_name": NAME},),
    "test_input_required_result_sampling": ({"capital_question": sample("What is the capital of France?")},),
    "test_input_required_result_list_roots": ({"client_roots": ROOTS},),
    "test_input_required_result_request_state": ({"confirm": CONFIRM},),
    "test_input_required_result_tampered_state": ({"confirm": CONFIRM},),
    "test_input_required_result_multiple_inputs": (
        {"user_name": NAME, "greeting": sample("Generate a greeting"), "client_roots": ROOTS},
    ),
    "test_input_required_result_multi_round": (
        {"step1": form("Step 1: What is your name?", name="string")},
        {"step2": form("Step 2: What is your favorite color?", color="string")},
    ),
    "test_input_required_result_capabilities": ({"user_name": NAME, "greeting": sample("Generate a greeting")},),
    "test_streaming_elicitation": ({"user_name": NAME},),
}  # fmt: skip

#: Tool -> the form that it shows in the 2025 protocol.
FORMS: dict[str, dict[str, Any]] = {
    "test_elicitation": properties(username="string", email="string"),
    "test_elicitation_sep1034_defaults": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"}, "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5}, "verified": {"type": "boolean", "default": True},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        },
    },
    "test_elicitation_sep1330_enums": {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": ["option1", "option2"]},
            "titledSingle": {"type": "string", "oneOf": [{"const": "value1", "title": "First"}]},
            "legacyEnum": {"type": "string", "enum": ["opt1"], "enumNames": ["Option One"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
            "titledMulti": {
                "type": "array",
                "items": {"anyOf": [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]},
            },
        },
    },
}  # fmt: skip


def add_to(server: MCPServer[Any]) -> None:
    for name, rounds in ROUNDS.items():
        server.add_tool(over_rounds(rounds), name, description="Asks over several rounds.", structured_output=False)
    for name, schema in FORMS.items():
        server.add_tool(by_form(schema), name, description="Shows a form.", structured_output=False)

    async def sampling(prompt: str, ctx: Context[Any, Any]) -> Any:
        said = await ctx.session.create_message([spoken(prompt)], max_tokens=100, related_request_id=ctx.request_id)
        return result(text(f"LLM response: {said.content.text}"))

    async def missing_capability(ctx: Context[Any, Any]) -> Any:
        if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
            needs = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling.", needs)
        return result(text("The client can sample."))

    async def prompt(ctx: Context[Any, Any]) -> Any:
        asked = next_question(ctx, ({"user_context": form("What context should the prompt use?", context="string")},))
        return asked or "Use the context that was given."

    server.add_tool(sampling, "test_sampling", description="Asks the model.", structured_output=False)
    server.add_tool(missing_capability, "test_missing_capability", description="Needs sampling.", structured_output=False)
    server.prompt("test_input_required_result_prompt", description="Asks first.")(prompt)


def by_form(schema: dict[str, Any]) -> Any:
    async def show(ctx: Context[Any, Any], message: str = "Please fill this in.") -> Any:
        answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
        return result(text(f"User response: action={answer.action}, content={answer.content}"))

    return show


def over_rounds(rounds: tuple[dict[str, Any], ...]) -> Any:
    async def ask(ctx: Context[Any, Any]) -> Any:
        return next_question(ctx, rounds) or result(text(f"state-ok {ctx.input_responses}"))

    return ask


def next_question(ctx: Context[Any, Any], rounds: tuple[dict[str, Any], ...]) -> InputRequiredResult | None:
    """What is to be asked now, of that what the client can answer; None when it has answered everything. The state is
    the number of the round, sealed by the product's key."""
    now = int(ctx.request_state or 0)
    if set(possible(ctx, rounds[now])) <= set(ctx.input_responses or {}):
        now += 1
    if now == len(rounds):
        return None
    return InputRequiredResult(input_requests=possible(ctx, rounds[now]), request_state=str(now))


def possible(ctx: Context[Any, Any], questions: dict[str, Any]) -> dict[str, Any]:
    can = ctx.client_capabilities.model_dump(exclude_none=True) if ctx.client_capabilities else {}
    return {key: question for key, question in questions.items() if question.method.partition("/")[0] in can}
