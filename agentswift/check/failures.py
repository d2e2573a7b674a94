"""How a tool says that it failed, in English and Chinese, as text and as JSON; what only talks of errors is none."""

import json
import re
from collections.abc import Mapping

_LEAD = re.compile(r"[\s\[【<*#❌⚠❗️]*")  # [Error] …, **Error**: …
_SAYS = r"(?=\s*(?:[:：!\]】>*]|[.。](?:\s|$)|$)|\s+[-–—]\s)"  # a word after which a message may come, or nothing
_CLASS = r"(?-i:(?:[A-Za-z_]\w*\.)*(?:[A-Z][A-Za-z]*)?)"  # requests.ConnectionError
_KIND = r"(?:an?|unknown|internal|unexpected|server|api|http|network|connection|runtime|fatal|validation)\s+"
_NO_MEASURE = r"(?!\s*[:：]\s*(?:±|[\d.]+\s*%))"  # Error: 5.2 %
_DOING = "call|execut|fetch|process|pars|gett|retriev|load|read|connect|runn|invok|mak"
_REASON = (
    "not found|internal server error|bad request|unauthorized|forbidden|bad gateway|service unavailable"
    "|gateway time-?out|too many requests|method not allowed|request time-?out"
    "|(?:client|server) error|unprocessable entity|conflict"
)
_ENGLISH = re.compile(
    rf"(?:{_KIND}){{0,3}}{_CLASS}(?:error|exception)(?:{_NO_MEASURE}{_SAYS}|\s+(?:code|message)\s*[:：]"
    rf"|\s+\d{{3}}(?=\s*(?:[:：,.!-]|$))|\s+(?:has )?occurr?ed|\s+while\b|\s+(?:{_DOING})ing\b"
    rf"|\s+in\s[^.\n]*[:：]|\s+in thread|,\s+(?:please|try)\b)|fatal{_SAYS}|traceback(?![a-z])"
    r"|invalid (?:input|argument|request|api)(?![a-z])|failed to(?![a-z])"
    r"|(?:(?:request|connection|read|operation)\s+)?time[d-]?\s?out"
    r"(?=\s*(?:[:：.,!]|$|after|error|while|exceeded|waiting))"
    r"|(?:the )?(?:api |tool |function )?(?:request|call|query|connection|operation) (?:has )?failed"
    r"(?=\s*(?:[:：.,!;]|$|with|due|because|after))"
    r"|(?:unable to|cannot|can['’]t|could not|couldn['’]t) (?:connect|reach)\b"
    rf"|(?:http(?:/\d(?:\.\d)?)?\s*(?:status\s*)?(?:code\s*)?(?:error\s*)?:?\s*)?[45]\d\d[\s:]+(?:{_REASON})"
    r"(?=\s*(?:[:：.,!(–-]|$|for\b))"
    r"|http(?:/\d(?:\.\d)?)?\s*(?:status\s*|error\s*)?[:：]?\s*[45]\d\d(?=\s*(?:[:：]|$))",
    re.IGNORECASE,
)
_ENDS = (
    r"了?(?=[:：，,。.！!；;\]】>*…]|\s(?!\s*[(（])|[(（]\s*\d{3}\s*[)）]|$)"  # 失败的原因, 错误率, 错误（电影） go on
)
_DOES = (
    "请求|调用|查询|搜索|检索|获取|连接|执行|操作|运行|访问|发送|创建|删除|更新|保存|上传|下载|读取|写入|加载|解析|登录|验证"
    "|认证|鉴权|处理|翻译|生成|预订|转换|计算|提交|添加|修改|响应|服务器?|接口|网络|系统|工具|函数|参数|程序|内部|未知|API"
)
_BEFORE = r"(?:[^\W的了他她它年月日未没无\d]|\s){0,8}?"
_OBJECT = r"[^，。：:；！!？\n未没无不\d成]{0,8}?"
_CHINESE = re.compile(
    rf"(?:(?:发生|出现|遇到)了?)?(?:错误|异常|失败|出错|报错|超时){_ENDS}|(?:错误|异常)\s*\d{{3}}"
    rf"|{_BEFORE}(?:{_DOES})(?:错误|异常|失败|出错|报错|超时){_ENDS}"
    rf"|{_BEFORE}(?:{_DOES}){_OBJECT}(?:失败|出错|报错|超时|(?:发生|出现|遇到)了?(?:{_DOES})?(?:错误|异常)){_ENDS}"
    r"|(?:暂时|目前|当前)?(?:无法|不能)(?:连接|访问|获取|查询|完成|处理|识别|解析|执行|调用|打开|加载)(?!的)"
    r"[^，。：:；！!？\n怎如何法题]{0,16}(?=[，。：:；！!\n]|$)"
    rf"|(?:服务器?|接口|系统|工具|API)(?:暂时|当前|目前)?不可用{_ENDS}",
    re.IGNORECASE,
)


def failure(observation: str) -> str:
    """Return how a tool says that it failed ({"error": "…"}, {"success": false}, Error: …), "" where it does not."""
    text = observation.strip()
    if text[:1] in ("{", '"'):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return ""
        return _failed_in(found) if isinstance(found, dict) else _said_in(found.strip())
    return _said_in(text)


def _said_in(text: str) -> str:
    """Return the first line of a text that begins with a failure."""
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    return text.splitlines()[0][:60] if _ENGLISH.match(text, start) or _CHINESE.match(text, start) else ""


_ERRORS = ("error", "errors", "exception", "error_message", "错误", "错误信息", "异常", "报错")
_NO_ERROR = {"none", "null", "no", "ok", "success", "no error", "无", "没有", "成功", "正常", "无错误"}
_CODES = ("code", "status", "status_code", "statusCode", "错误码", "状态码", "状态")
_FAILED = {"error", "failed", "failure", "失败", "错误", "出错"}
_BESIDE = {  # what a failure has beside its code; anything else is a result, in which 500 or 失败 is what was asked for
    *_ERRORS, *_CODES, "message", "msg", "detail", "details", "reason", "description", "type", "success", "path",
    "timestamp", "request_id", "trace_id", "消息", "信息", "原因", "提示", "描述", "详情", "说明",
}  # fmt: skip


def _failed_in(result: Mapping[str, object]) -> str:
    for key in _ERRORS:
        if _is_error(key, result.get(key)):
            return f"{key}: {str(result[key])[:60]}"
    for key in ("success", "成功", "是否成功"):
        if result.get(key) is False:
            return f"{key}: false"
    status = result.get("status")
    if isinstance(status, str) and status.lower() in _FAILED:
        return f"status: {status}"
    if any(value for key, value in result.items() if key not in _BESIDE):
        return ""
    found = (f"{key}: {result[key]}" for key in _CODES if key in result and _is_failed(result[key]))
    return next(found, "")


def _is_error(key: str, value: object) -> bool:
    """Whether a value under "error" tells of one: "none" does not, and a count of 错误 or a measured error neither."""
    if isinstance(value, str):
        return bool(value) and value.strip().casefold() not in _NO_ERROR
    return bool(value) and not isinstance(value, float) and key.isascii()


def _is_failed(value: object) -> bool:
    """Whether a code or status is one of HTTP's errors (400 to 599), or a word for having failed."""
    text = str(value).strip().lower()
    return text in _FAILED or re.fullmatch(r"[45]\d\d", text) is not None
