"""Chat models behind the `ChatModel` protocol, all of them through LangChain.

`EmbeddedChat`   a local GGUF file, run by llama.cpp in a child process
`EndpointChat`   any OpenAI-compatible endpoint (vLLM, Ollama, a cloud)
`LangChainChat`  any LangChain chat model object

Heavy libraries are imported when a model is first used, not with this package.
"""

from tutor.llm.embedded import EmbeddedChat, physical_cores
from tutor.llm.endpoint import EndpointChat
from tutor.llm.langchain import LangChainChat

__all__ = ["EmbeddedChat", "EndpointChat", "LangChainChat", "physical_cores"]
