// The same for every model, so that one hash allows it: what differs stands in the document. The key stays in its input.
// Lines are joined without a break: each ends a statement or opens a block.
const[form,key,call,prompt,send,stop,said,answer]=document.querySelectorAll('[id]');
let asked;

// Clipboards are for secure origins; elsewhere the text is selected and copied as by hand.
for(const source of document.querySelectorAll('[data-copy]')){
const button=document.createElement('button');
const name=verb=>{button.ariaLabel=(button.textContent=verb)+' '+source.dataset.copy};
button.onclick=async()=>{
try{await navigator.clipboard.writeText(source.textContent)}catch{
getSelection().selectAllChildren(source);
document.execCommand('copy');
}
name('Copied');
setTimeout(name,2e3,'Copy');
};
name('Copy');
source.after(button);
}

const say=(text,bad)=>{
said.textContent=text;
said.className=bad?'bad':'';
};

// What went wrong, in words that say what to do.
const refusal=async reply=>{
const pause=reply.headers.get('retry-after'),body=await reply.json().catch(()=>0);
return reply.status+': '+({401:'this key is not accepted. Is it whole, of this model and not expired?',429:'the rate limit of this key is reached.',503:'the model is loading, or its queue is full.'}[reply.status]||body.error?.message||'no answer.')+(pause?' Try again in '+pause+' s.':'');
};

// Server-sent events: each token is shown as it comes.
const read=async reply=>{
let rest='',used,chunk,reader=reply.body.pipeThrough(new TextDecoderStream()).getReader();
while(!(chunk=await reader.read()).done){
const lines=(rest+chunk.value).split('\n');
rest=lines.pop();
for(const line of lines)if(line.startsWith('data: {')){
const event=JSON.parse(line.slice(6)),choice=event.choices?.[0];
if(event.error)throw event.error;
used=event.usage?.completion_tokens||used;
answer.append(choice?.text??choice?.delta.content??'');
answer.scrollTop=1e9;
}
}
return used+' tokens';
};

const run=async()=>{
const start=Date.now(),body=JSON.parse(call.selectedOptions[0].dataset.body,(_,value)=>value===null?prompt.value:value);
if(body.max_tokens)Object.assign(body,{stream:true,stream_options:{include_usage:true}});
const reply=await fetch('.'+call.value,{method:'POST',signal:asked.signal,headers:{authorization:'Bearer '+key.value.trim(),'content-type':'application/json'},body:JSON.stringify({model:document.querySelector('code').textContent,...body})});
if(!reply.ok)return say(await refusal(reply),1);
if(!body.stream)answer.append((await reply.text()).slice(0,4e3));
say((body.stream?await read(reply):'Answered')+' in '+(Date.now()-start)/1e3+' s');
};

if(form){
form.onsubmit=async event=>{
event.preventDefault();
asked=new AbortController();
answer.textContent='';
send.disabled=!(stop.disabled=false);
say('Waiting for the model');
await run().catch(error=>asked.signal.aborted?say('Stopped'):say('Broken off: '+error.message,1));
send.disabled=!(stop.disabled=true);
};
stop.onclick=()=>asked.abort();
onpagehide=()=>key.value='';
}
